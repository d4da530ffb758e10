// The OIDC provider of the tests, on 127.0.0.1 and a port the system picks. Clients are given as JSON in argv[2]:
// [{"id": "...", "secret": "...", "groups": ["..."]}]. A line of JSON with the issuer is printed when it listens.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const people = JSON.parse(process.argv[2]);
const groups = new Map(people.map((person) => [person.id, person.groups]));
const audience = 'hpol';

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: people.map((person) => ({
      client_id: person.id,
      client_secret: person.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => `urn:${audience}`,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: '', audience, accessTokenFormat: 'jwt', accessTokenTTL: 600 }),
      },
    },
    extraTokenClaims: (_context, token) => ({ groups: groups.get(token.clientId) ?? [] }),
  });
  server.on('request', provider.callback());
  console.log(JSON.stringify({ issuer }));
});
