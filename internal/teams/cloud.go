package teams

// cloud is one of Microsoft's clouds: where a bot of it signs in, who signs what
// it gets, and where its replies go.
type cloud struct {
	loginURL       string   // the tenant and /oauth2/v2.0/token follow
	tenant         string   // signs in a bot that is registered for many tenants
	scope          string   // of the token for the connector
	issuer         string   // of the tokens that come with activities
	openIDMetadata string   // leads to the keys that sign those
	serviceHosts   []string // that replies may go to
}

// cloudNamed finds a cloud by the value of TEAMS_CLOUD.
//
// Where a bot signs in and who signs, in the public cloud:
// https://learn.microsoft.com/en-us/azure/bot-service/rest-api/bot-framework-rest-connector-authentication
// for the US government, GCC High and DoD alike:
// https://learn.microsoft.com/en-us/azure/bot-service/how-to-deploy-gov-cloud-high
// and in China: https://learn.microsoft.com/en-us/azure/bot-service/how-to-deploy-china-cloud
//
// The hosts are the proactive endpoints of
// https://learn.microsoft.com/en-us/microsoftteams/platform/bots/how-to/conversations/send-proactive-messages
// and those that Microsoft's own SDK lets replies go to, which is the only source
// for China's and for smba.onyx: AllowedServiceUrls in
// https://github.com/microsoft/teams.net/blob/main/Libraries/Microsoft.Teams.Api/Auth/CloudEnvironment.cs
// GCC belongs to the public cloud in all but its host.
func cloudNamed(name string) (cloud, bool) {
	switch name {
	case "", "public":
		return cloud{
			loginURL:       "https://login.microsoftonline.com",
			tenant:         "botframework.com",
			scope:          "https://api.botframework.com/.default",
			issuer:         "https://api.botframework.com",
			openIDMetadata: "https://login.botframework.com/v1/.well-known/openidconfiguration",
			serviceHosts: []string{
				"smba.trafficmanager.net",
				"smba.onyx.prod.teams.trafficmanager.net",
				"smba.infra.gcc.teams.microsoft.com",
			},
		}, true
	case "usgov":
		return cloud{
			loginURL:       "https://login.microsoftonline.us",
			tenant:         "MicrosoftServices.onmicrosoft.us",
			scope:          "https://api.botframework.us/.default",
			issuer:         "https://api.botframework.us",
			openIDMetadata: "https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
			serviceHosts: []string{
				"smba.infra.gov.teams.microsoft.us",
				"smba.infra.dod.teams.microsoft.us",
			},
		}, true
	case "china":
		return cloud{
			loginURL:       "https://login.partner.microsoftonline.cn",
			tenant:         "microsoftservices.partner.onmschina.cn",
			scope:          "https://api.botframework.azure.cn/.default",
			issuer:         "https://api.botframework.azure.cn",
			openIDMetadata: "https://login.botframework.azure.cn/v1/.well-known/openidconfiguration",
			serviceHosts:   []string{"frontend.botapi.msg.infra.teams.microsoftonline.cn"},
		}, true
	}
	return cloud{}, false
}
