//! The city's single sign-on: OpenID Connect, authorization code with PKCE.

mod flow;
mod logout_token;
pub(crate) mod pages;

use std::sync::Arc;
use std::time::Duration;

use axum::http;
use kernel::secrets::Keys;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdToken,
    IdTokenClaims, IdTokenFields, IssuerUrl, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use ops::config;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::RwLock;

use self::logout_token::{Ended, Expected};
use crate::login::LoginName;

/// Where the provider sends people back to.
const CALLBACK: &str = "/sso/callback";
/// How long the provider's description is believed before it is read again.
const METADATA_LIFE: time::Duration = time::Duration::hours(1);
/// Signatures that are taken: no shared secrets, nothing unsigned.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 6] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The provider's own session, by which it logs people out.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SidClaim {
    sid: Option<String>,
}

impl AdditionalClaims for SidClaim {}

type Claims = IdTokenClaims<SidClaim, CoreGenderClaim>;
type Token = IdToken<SidClaim, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Fields = IdTokenFields<
    SidClaim,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Client = openidconnect::Client<
    SidClaim,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why the single sign-on did not vouch for somebody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SsoError {
    /// It can't be asked.
    #[error("the single sign-on is away: {0}")]
    Away(String),
    /// It, or somebody in its name, said something that does not hold.
    #[error("the single sign-on's answer does not hold: {0}")]
    Untrue(String),
}

/// Somebody the provider vouches for.
pub(crate) struct Vouched {
    pub(crate) login: LoginName,
    pub(crate) subject: String,
    pub(crate) sid: Option<String>,
    pub(crate) id_token: String,
}

/// What the browser is sent off with, and what must come back.
pub(crate) struct Departure {
    pub(crate) url: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// The configured provider.
pub(crate) struct Sso {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    callback: RedirectUrl,
    home: PostLogoutRedirectUrl,
    http: reqwest::Client,
    known: RwLock<Option<Known>>,
}

/// The provider's description of itself, and when it was read.
#[derive(Clone)]
struct Known {
    metadata: Arc<ProviderMetadataWithLogout>,
    read_at: OffsetDateTime,
}

impl Sso {
    /// Nothing is asked yet: the provider may be away while we start.
    pub(crate) fn new(config: &config::Oidc, origin: &str) -> anyhow::Result<Self> {
        // redirects are not followed: the provider's answers come from the provider alone
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self {
            issuer: IssuerUrl::new(config.issuer.as_str().to_owned())?,
            client_id: ClientId::new(config.client_id.clone()),
            client_secret: ClientSecret::new(config.client_secret.expose().to_owned()),
            callback: RedirectUrl::new(format!("{origin}{CALLBACK}"))?,
            home: PostLogoutRedirectUrl::new(format!("{origin}/"))?,
            http,
            known: RwLock::new(None),
        })
    }

    /// Where to send the browser, with state, nonce and PKCE made anew.
    pub(crate) async fn depart(&self, keys: &Keys, now: OffsetDateTime) -> Result<Departure, SsoError> {
        let metadata = self.metadata(now).await?;
        let client = self.client(&metadata);
        let (state, nonce, verifier) = (random(keys), random(keys), random(keys));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let (sent_state, sent_nonce) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
        let (url, ..) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || sent_state, || sent_nonce)
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Ok(Departure { url: url.into(), state, nonce, verifier })
    }

    /// Takes the code to the provider and checks what it says: signature, issuer, audience, times, nonce.
    pub(crate) async fn redeem(
        &self,
        code: String,
        flow: &flow::Flow,
        now: OffsetDateTime,
    ) -> Result<Vouched, SsoError> {
        let metadata = self.metadata(now).await?;
        let client = self.client(&metadata);
        let http = |request| send(self.http.clone(), request);
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| SsoError::Away(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()))
            .request_async(&http)
            .await
            .map_err(of_token_request)?;
        let id_token = answer.id_token().ok_or_else(|| SsoError::Untrue("no id token".to_owned()))?;
        let nonce = Nonce::new(flow.nonce.clone());
        let verifier = |client: &Client| id_token.claims(&verifier_of(client), &nonce).cloned();
        let claims = match verifier(&client) {
            // the provider has changed its keys since we read them
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let metadata = self.discover(now).await?;
                verifier(&self.client(&metadata))
            }
            judged => judged,
        };
        let claims = claims.map_err(|error| SsoError::Untrue(error.to_string()))?;
        Ok(Vouched {
            login: login_of(&claims)?,
            subject: claims.subject().to_string(),
            sid: claims.additional_claims().sid.clone(),
            id_token: id_token.to_string(),
        })
    }

    /// Where the provider ends its own session; `None` if it offers no such place or is away.
    pub(crate) async fn farewell(&self, id_token: Option<&str>, now: OffsetDateTime) -> Option<String> {
        let metadata = self.metadata(now).await.ok()?;
        let place = metadata.additional_metadata().end_session_endpoint.clone()?;
        let hint = id_token.and_then(|token| token.parse::<Token>().ok());
        let request = LogoutRequest::from(place)
            .set_client_id(self.client_id.clone())
            .set_post_logout_redirect_uri(self.home.clone());
        let request = match &hint {
            Some(hint) => request.set_id_token_hint(hint),
            None => request,
        };
        Some(request.http_get_url().into())
    }

    /// Checks a logout token of the provider's back channel.
    pub(crate) async fn ended(&self, token: &str, now: OffsetDateTime) -> Result<Ended, SsoError> {
        let expected = Expected { issuer: &self.issuer, client_id: &self.client_id, now };
        let keys = self.metadata(now).await?.jwks().clone();
        match logout_token::verify(token, keys.keys(), &expected) {
            Err(logout_token::Invalid::UnknownKey) => {
                let keys = self.discover(now).await?.jwks().clone();
                logout_token::verify(token, keys.keys(), &expected)
            }
            judged => judged,
        }
        .map_err(|error| SsoError::Untrue(error.to_string()))
    }

    /// The provider's description: read once an hour, and kept longer while the provider is away.
    async fn metadata(&self, now: OffsetDateTime) -> Result<Arc<ProviderMetadataWithLogout>, SsoError> {
        let known = self.known.read().await.clone();
        match known {
            Some(known) if now - known.read_at < METADATA_LIFE => Ok(known.metadata),
            Some(stale) => Ok(self.discover(now).await.unwrap_or(stale.metadata)),
            None => self.discover(now).await,
        }
    }

    /// Reads the description and the keys, trying twice: a connection that was lost may stand again at once.
    async fn discover(&self, now: OffsetDateTime) -> Result<Arc<ProviderMetadataWithLogout>, SsoError> {
        let http = |request| send(self.http.clone(), request);
        let first = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &http).await;
        let metadata = match first {
            Ok(metadata) => metadata,
            Err(_) => ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &http)
                .await
                .inspect_err(|error| tracing::warn!(%error, "the single sign-on can't be asked"))
                .map_err(|error| SsoError::Away(error.to_string()))?,
        };
        let metadata = Arc::new(metadata);
        *self.known.write().await = Some(Known { metadata: Arc::clone(&metadata), read_at: now });
        Ok(metadata)
    }

    fn client(&self, metadata: &ProviderMetadataWithLogout) -> Client {
        Client::from_provider_metadata(metadata.clone(), self.client_id.clone(), Some(self.client_secret.clone()))
            .set_redirect_uri(self.callback.clone())
    }
}

fn verifier_of(client: &Client) -> openidconnect::IdTokenVerifier<'_, CoreJsonWebKey> {
    client.id_token_verifier().set_allowed_algs(ALGORITHMS)
}

/// A provider that refuses the code is not away: the code was used before, or made up.
fn of_token_request<E: std::error::Error + 'static>(
    error: RequestTokenError<E, StandardErrorResponse<CoreErrorResponseType>>,
) -> SsoError {
    match error {
        RequestTokenError::ServerResponse(refused) => SsoError::Untrue(refused.to_string()),
        other => SsoError::Away(other.to_string()),
    }
}

/// The city's login name: `preferred_username` where the provider sends it, `sub` otherwise.
fn login_of(claims: &Claims) -> Result<LoginName, SsoError> {
    let preferred = claims.preferred_username().map(|name| name.as_str());
    let name = preferred.unwrap_or_else(|| claims.subject().as_str());
    LoginName::parse(name).ok_or_else(|| SsoError::Untrue("the login name has an unknown shape".to_owned()))
}

/// 256 bits as text: what state, nonce and PKCE verifier (43 characters, RFC 7636 §4.1) are made of.
pub(crate) fn random(keys: &Keys) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(keys.random::<32>())
}

/// One request to the provider, as the openidconnect crate wants it sent.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let mut answer = http.execute(request.try_into()?).await?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut response = http::Response::new(answer.bytes().await?.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
