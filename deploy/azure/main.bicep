// The Azure Bot that leads Teams to briefingbot: "Connect Teams" in the project's
// README.md, steps 3 to 5. Step 1, the app registration in Entra, comes first.
// https://learn.microsoft.com/azure/templates/microsoft.botservice/botservices

@description('A name that no other bot in Azure has.')
@minLength(2)
@maxLength(64)
param name string

@description('What people see.')
param displayName string = 'Briefing Bot'

@description('The Application (client) ID of the app registration.')
param appId string

@description('The Directory (tenant) ID. No other organisation can use this bot.')
param tenantId string = tenant().tenantId

@description('The https address that leads to the bot, such as https://bot.example.org, without a slash at its end.')
param url string

resource bot 'Microsoft.BotService/botServices@2022-09-15' = {
  name: name
  location: 'global'
  kind: 'azurebot'
  sku: {
    name: 'F0'
  }
  properties: {
    displayName: displayName
    endpoint: '${url}/api/messages'
    msaAppId: appId
    msaAppType: 'SingleTenant'
    msaAppTenantId: tenantId
  }
}

resource teams 'Microsoft.BotService/botServices/channels@2022-09-15' = {
  parent: bot
  name: 'MsTeamsChannel'
  location: 'global'
  properties: {
    channelName: 'MsTeamsChannel'
    properties: {
      isEnabled: true
      enableCalling: false
      acceptedTerms: true
    }
  }
}

output messagingEndpoint string = bot.properties.endpoint
