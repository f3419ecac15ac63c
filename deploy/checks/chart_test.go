package checks_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

var chartDir = filepath.Join(root, "deploy", "helm", "briefingbot")

// manifests is what a chart renders to, by kind.
type manifests struct {
	deployments     []*apps.Deployment
	services        []*core.Service
	accounts        []*core.ServiceAccount
	claims          []*core.PersistentVolumeClaim
	budgets         []*policy.PodDisruptionBudget
	policies        []*networking.NetworkPolicy
	ingresses       []*networking.Ingress
	serviceMonitors []*monitoring.ServiceMonitor
	notes           string
}

// render is what helm template does, with every value that is not the chart's own
// refused by its schema.
func render(t *testing.T, values map[string]any) (map[string]string, error) {
	t.Helper()
	chart, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: "briefingbot", Namespace: "safeguarding", Revision: 1, IsInstall: true}, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.RenderWithContext(t.Context(), chart, all)
}

// decode reads the manifests into Kubernetes' own types. A field that those do
// not have fails, where a cluster might leave it out in silence.
func decode(t *testing.T, files map[string]string) (m manifests) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "NOTES.txt") {
			m.notes = files[name]
			continue
		}
		for doc := range strings.SplitSeq(files[name], "\n---\n") {
			var head struct{ APIVersion, Kind string }
			if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch head.APIVersion + " " + head.Kind {
			case " ":
			case "apps/v1 Deployment":
				m.deployments = strict(t, m.deployments, name, doc)
			case "v1 Service":
				m.services = strict(t, m.services, name, doc)
			case "v1 ServiceAccount":
				m.accounts = strict(t, m.accounts, name, doc)
			case "v1 PersistentVolumeClaim":
				m.claims = strict(t, m.claims, name, doc)
			case "policy/v1 PodDisruptionBudget":
				m.budgets = strict(t, m.budgets, name, doc)
			case "networking.k8s.io/v1 NetworkPolicy":
				m.policies = strict(t, m.policies, name, doc)
			case "networking.k8s.io/v1 Ingress":
				m.ingresses = strict(t, m.ingresses, name, doc)
			case "monitoring.coreos.com/v1 ServiceMonitor":
				m.serviceMonitors = strict(t, m.serviceMonitors, name, doc)
			default:
				t.Errorf("%s holds a %s %s: add it to this test", name, head.APIVersion, head.Kind)
			}
		}
	}
	if len(m.deployments) != 1 || len(m.services) == 0 || len(m.accounts) != 1 {
		t.Fatalf("%d deployments, %d services, %d accounts", len(m.deployments), len(m.services), len(m.accounts))
	}
	return m
}

func strict[T any](t *testing.T, to []*T, name, doc string) []*T {
	t.Helper()
	v := new(T)
	if err := yaml.UnmarshalStrict([]byte(doc), v); err != nil {
		t.Errorf("%s: %v\n%s", name, err, doc)
	}
	return append(to, v)
}

// values are those of a file in the chart's folder ci, with some of them changed.
func values(t *testing.T, file string, change func(map[string]any)) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(chartDir, "ci", file))
	if err != nil {
		t.Fatal(err)
	}
	v := map[string]any{}
	if err := yaml.UnmarshalStrict(b, &v); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(v)
	}
	return v
}

var variants = []string{"sqlite-values.yaml", "postgres-values.yaml"}

func TestChartPassesHelmsLint(t *testing.T) {
	for _, file := range variants {
		for _, m := range lint.RunAll(chartDir, values(t, file, nil), "safeguarding").Messages {
			// 1 is information: an icon, which this chart does without.
			if m.Severity > 1 {
				t.Errorf("%s: %v", file, m)
			}
		}
	}
}

func TestChartFitsTogether(t *testing.T) {
	for _, file := range variants {
		files, err := render(t, values(t, file, nil))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		m := decode(t, files)
		d := m.deployments[0]
		pod := d.Spec.Template
		has := func(selector map[string]string) bool {
			for k, v := range selector {
				if pod.Labels[k] != v {
					return false
				}
			}
			return len(selector) > 0
		}
		if !has(d.Spec.Selector.MatchLabels) || !has(m.policies[0].Spec.PodSelector.MatchLabels) {
			t.Errorf("%s: a selector does not meet the pod's labels %v", file, pod.Labels)
		}
		container := pod.Spec.Containers[0]
		ports := map[string]bool{}
		for _, p := range container.Ports {
			ports[p.Name] = true
		}
		for _, s := range m.services {
			if !has(s.Spec.Selector) || !ports[s.Spec.Ports[0].TargetPort.StrVal] {
				t.Errorf("%s: the service %s leads nowhere", file, s.Name)
			}
		}
		volumes := map[string]bool{}
		for _, v := range pod.Spec.Volumes {
			volumes[v.Name] = true
		}
		paths := []string{}
		for _, v := range container.VolumeMounts {
			if !volumes[v.Name] {
				t.Errorf("%s: the volume %s is not there", file, v.Name)
			}
			delete(volumes, v.Name)
			paths = append(paths, v.MountPath)
		}
		if len(volumes) != 0 {
			t.Errorf("%s: volumes that nothing mounts: %v", file, volumes)
		}
		set := map[string]bool{}
		for _, e := range container.Env {
			if set[e.Name] || set[strings.TrimSuffix(e.Name, "_FILE")] || set[e.Name+"_FILE"] {
				t.Errorf("%s: %s is set twice", file, e.Name)
			}
			set[e.Name] = true
			if strings.HasSuffix(e.Name, "_FILE") && !slices.Contains(paths, filepath.Dir(e.Value)) {
				t.Errorf("%s: %s names %s, and nothing is mounted there", file, e.Name, e.Value)
			}
		}
		if pod.Spec.ServiceAccountName != m.accounts[0].Name {
			t.Errorf("%s: the account %s is not there", file, pod.Spec.ServiceAccountName)
		}
		for _, i := range m.ingresses {
			for _, p := range i.Spec.Rules[0].HTTP.Paths {
				if p.Backend.Service.Name != m.services[0].Name || p.Backend.Service.Port.Name != m.services[0].Spec.Ports[0].Name {
					t.Errorf("%s: the ingress leads to %+v", file, p.Backend.Service)
				}
			}
		}
	}
}

// TestChartMeetsTheRestrictedPodSecurityStandard holds what
// https://kubernetes.io/docs/concepts/security/pod-security-standards/ asks for,
// and a read-only root beside.
func TestChartMeetsTheRestrictedPodSecurityStandard(t *testing.T) {
	for _, file := range variants {
		files, err := render(t, values(t, file, nil))
		if err != nil {
			t.Fatal(err)
		}
		pod := decode(t, files).deployments[0].Spec.Template.Spec
		if s := pod.SecurityContext; !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: %+v", file, s)
		}
		if *pod.AutomountServiceAccountToken || pod.HostNetwork || pod.HostPID || pod.HostIPC {
			t.Errorf("%s: the pod has a token, or the host's", file)
		}
		for _, c := range slices.Concat(pod.Containers, pod.InitContainers) {
			if s := c.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || len(s.Capabilities.Add) != 0 {
				t.Errorf("%s: %+v", file, s)
			}
			if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
				t.Errorf("%s: resources %+v", file, c.Resources)
			}
		}
		for _, v := range pod.Volumes {
			if v.HostPath != nil {
				t.Errorf("%s: the volume %s is the host's", file, v.Name)
			}
		}
	}
}

func TestChartIsOneBotWithAFileOrSeveralOnPostgreSQL(t *testing.T) {
	files, err := render(t, values(t, "sqlite-values.yaml", nil))
	if err != nil {
		t.Fatal(err)
	}
	m := decode(t, files)
	if d := m.deployments[0].Spec; *d.Replicas != 1 || d.Strategy.Type != apps.RecreateDeploymentStrategyType {
		t.Errorf("SQLite: %d replicas, strategy %s", *d.Replicas, d.Strategy.Type)
	}
	if len(m.claims) != 1 || len(m.budgets) != 0 || len(m.ingresses) != 0 || len(m.serviceMonitors) != 0 {
		t.Errorf("SQLite: %d claims, %d budgets, %d ingresses, %d monitors", len(m.claims), len(m.budgets), len(m.ingresses), len(m.serviceMonitors))
	}
	for _, rule := range m.policies[0].Spec.Egress {
		for _, p := range rule.Ports {
			if p.Port.IntValue() != 53 && p.Port.IntValue() != 443 {
				t.Errorf("SQLite: port %s leads out", p.Port)
			}
		}
	}
	for _, e := range m.deployments[0].Spec.Template.Spec.Containers[0].Env {
		if e.Name == "BRIEFINGBOT_ADMIN_LISTEN" && e.Value != "127.0.0.1:9090" {
			t.Errorf("the admin listener is at %s, and metrics are off", e.Value)
		}
	}

	if files, err = render(t, values(t, "postgres-values.yaml", nil)); err != nil {
		t.Fatal(err)
	}
	m = decode(t, files)
	if d := m.deployments[0].Spec; *d.Replicas != 3 || d.Strategy.Type != apps.RollingUpdateDeploymentStrategyType {
		t.Errorf("PostgreSQL: %d replicas, strategy %s", *d.Replicas, d.Strategy.Type)
	}
	if len(m.claims) != 0 || len(m.budgets) != 1 || len(m.ingresses) != 1 || len(m.serviceMonitors) != 1 || len(m.services) != 2 {
		t.Errorf("PostgreSQL: %d claims, %d budgets, %d ingresses, %d monitors, %d services", len(m.claims), len(m.budgets), len(m.ingresses), len(m.serviceMonitors), len(m.services))
	}
	for k, v := range m.serviceMonitors[0].Spec.Selector.MatchLabels {
		if m.services[1].Labels[k] != v || m.services[0].Labels["app.kubernetes.io/component"] == "metrics" {
			t.Errorf("the service monitor selects %s=%s, and the services have %v and %v", k, v, m.services[0].Labels, m.services[1].Labels)
		}
	}
	if !strings.Contains(m.notes, "https://bot.example.org/slack/") {
		t.Errorf("the notes do not say what Slack calls:\n%s", m.notes)
	}
}

func TestIngressLeadsToWhatIsServedAndNothingElse(t *testing.T) {
	for setting, want := range map[string]string{
		"off": "/slack/ Prefix, /api/messages Prefix, /healthz Exact",
		"on":  "/slack/ Prefix, /api/messages Prefix, /healthz Exact, /briefings Prefix, /static/ Prefix",
	} {
		files, err := render(t, values(t, "postgres-values.yaml", func(v map[string]any) {
			v["settings"].(map[string]any)["BRIEFINGBOT_WEB_BRIEFINGS"] = setting
		}))
		if err != nil {
			t.Fatal(err)
		}
		m := decode(t, files)
		var paths []string
		for _, p := range m.ingresses[0].Spec.Rules[0].HTTP.Paths {
			paths = append(paths, p.Path+" "+string(*p.PathType))
		}
		if got := strings.Join(paths, ", "); got != want {
			t.Errorf("with the pages %s: %s", setting, got)
		}
		if !strings.Contains(m.notes, "our-briefings are followed") {
			t.Errorf("the notes ask for a restart where briefings change:\n%s", m.notes)
		}
	}
}

func TestChartRefusesWhatCannotWork(t *testing.T) {
	set := func(path ...any) func(map[string]any) {
		return func(v map[string]any) {
			for _, key := range path[:len(path)-2] {
				inner, ok := v[key.(string)].(map[string]any)
				if !ok {
					inner = map[string]any{}
					v[key.(string)] = inner
				}
				v = inner
			}
			v[path[len(path)-2].(string)] = path[len(path)-1]
		}
	}
	for _, c := range []struct {
		name   string
		change func(map[string]any)
		says   string
	}{
		{"several replicas on a file", set("replicas", 2), "database.secretName"},
		{"no platform", set("slack", "secretName", ""), "no chat platform is set up"},
		{"Teams without its ID", set("teams", "secretName", "teams"), "teams.appID is missing"},
		{"an ID that is none", set("teams", "appID", "our-bot"), "teams"},
		{"a secret as a setting", set("settings", "SLACK_BOT_TOKEN", "xoxb-1"), "SLACK_BOT_TOKEN"},
		{"the page's token as a setting", set("settings", "BRIEFINGBOT_WEB_TOKEN", "in plain text for everybody"), "BRIEFINGBOT_WEB_TOKEN"},
		{"the page, whose token would be one", set("settings", "BRIEFINGBOT_WEB", "on"), "BRIEFINGBOT_WEB"},
		{"the database as a setting", set("settings", "BRIEFINGBOT_DATABASE", "x.db"), "BRIEFINGBOT_DATABASE"},
		{"a value with a typing error", set("replica", 2), "replica"},
		{"an ingress without a name", set("ingress", "enabled", true), "ingress.host is missing"},
		{"no image", set("image", "repository", ""), "image"},
	} {
		if _, err := render(t, values(t, "sqlite-values.yaml", c.change)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %q", c.name, err, c.says)
		}
	}
}
