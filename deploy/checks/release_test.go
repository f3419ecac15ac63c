package checks_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestReleaseIsTheSameTwice builds one platform's; all of them would take minutes.
func TestReleaseIsTheSameTwice(t *testing.T) {
	var sums []string
	dir := ""
	for range 2 {
		dir = filepath.Join(t.TempDir(), "dist")
		if said, err := shell(t, root, "deploy/release.sh linux/amd64", "DIST="+dir); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		b, err := os.ReadFile(filepath.Join(dir, "checksums.txt"))
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, string(b))
	}
	if sums[0] != sums[1] || strings.Count(sums[0], "\n") != 2 {
		t.Errorf("the checksums differ, or are not two:\n%s\n%s", sums[0], sums[1])
	}
	b, err := os.ReadFile(filepath.Join(dir, "briefingbot_linux_amd64.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		BOMFormat, SpecVersion string
		Components             []struct{ PURL string }
	}
	if err := json.Unmarshal(b, &bom); err != nil {
		t.Fatal(err)
	}
	has := func(module string) bool {
		return slices.ContainsFunc(bom.Components, func(c struct{ PURL string }) bool { return strings.HasPrefix(c.PURL, "pkg:golang/"+module+"@") })
	}
	if bom.BOMFormat != "CycloneDX" || bom.SpecVersion != "1.6" || !has("modernc.org/sqlite") || !has("github.com/slack-go/slack") {
		t.Errorf("%s %s with %d components", bom.BOMFormat, bom.SpecVersion, len(bom.Components))
	}
	if has("github.com/google/go-cmp") {
		t.Error("a module of the tests is listed, and is not in the program")
	}
}

// TestGoreleaserBuildsWhatTheScriptDoes reads what is the same in both. Whether
// goreleaser takes the file is not checked here: its packages need a module that
// is not to be had.
func TestGoreleaserBuildsWhatTheScriptDoes(t *testing.T) {
	var project struct {
		Version int
		Builds  []struct {
			Main                    string
			Targets, Flags, Ldflags []string
		}
		SBOMs []struct{ Args []string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "goreleaser.yaml")), &project); err != nil {
		t.Fatal(err)
	}
	if len(project.Builds) != 1 || len(project.SBOMs) != 1 || project.Version != 2 || len(project.Builds[0].Targets) != 5 {
		t.Fatalf("%+v", project)
	}
	script := read(t, "release.sh")
	build := project.Builds[0]
	for _, target := range build.Targets {
		os, rest, _ := strings.Cut(target, "_")
		arch, _, _ := strings.Cut(rest, "_")
		if !strings.Contains(script, os+"/"+arch) {
			t.Errorf("release.sh does not build %s/%s", os, arch)
		}
	}
	if !strings.Contains(script, strings.Join(build.Flags, " ")) || !strings.Contains(script, "'"+strings.Join(build.Ldflags, " ")+"'") {
		t.Errorf("release.sh does not build with %v %v", build.Flags, build.Ldflags)
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(build.Main))); err != nil {
		t.Error(err)
	}
	if !strings.Contains(script, strings.Join(project.SBOMs[0].Args[:6], " ")) {
		t.Errorf("release.sh does not ask for %v", project.SBOMs[0].Args)
	}
}
