//! What the dialects' parts of `/openapi.json` share.

/// Names groups of refusals that calls of one sort share, for the `responses(…)`
/// of their handlers. Where it stands there is a `Refused`, each of which has a
/// `status` and a `name` among the document's responses.
macro_rules! refusals {
    ($($(#[$doc:meta])* $group:ident = $($refused:ident)|+;)*) => {
        $(
            $(#[$doc])*
            pub(super) struct $group;

            impl utoipa::IntoResponses for $group {
                fn responses() -> std::collections::BTreeMap<
                    String,
                    utoipa::openapi::RefOr<utoipa::openapi::Response>,
                > {
                    [$(Refused::$refused),+]
                        .into_iter()
                        .map(|refused| {
                            let response = utoipa::openapi::Ref::from_response_name(refused.name());
                            (refused.status().to_owned(), response.into())
                        })
                        .collect()
                }
            }
        )*
    };
}

pub(crate) use refusals;
