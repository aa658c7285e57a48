//! The contract's pages: `{count, next, previous, results}`, 20 to a page.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::Serialize;

use crate::common::Context;
use crate::common::called::called_at;
use crate::sos::error::Refusal;

/// Items of a page.
pub(super) const PAGE: usize = 20;

/// Pages that can be asked for.
const MOST_PAGES: usize = 1_000_000;

/// Which page is asked for, and where.
pub(super) struct Wanted {
    number: usize,
    /// The list's own address, without a query.
    address: String,
}

/// One page of a list.
#[derive(Serialize)]
pub(super) struct Page<T> {
    count: usize,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<T>,
}

impl FromRequestParts<Context> for Wanted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Refusal> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Refusal::INVALID_PAGE)?;
        let page = pairs.0.into_iter().rev().find(|(name, _)| name == "page");
        let number = match page {
            None => 1,
            Some((_, text)) => text
                .parse()
                .ok()
                .filter(|number| (1..=MOST_PAGES).contains(number))
                .ok_or(Refusal::INVALID_PAGE)?,
        };
        let server = called_at(context, parts).unwrap_or_default();
        let address = format!("{server}{}", parts.uri.path());
        Ok(Self { number, address })
    }
}

impl Wanted {
    /// How many items come before this page.
    pub(super) fn skip(&self) -> usize {
        (self.number - 1) * PAGE
    }

    /// The page of a list of `count`.
    ///
    /// # Errors
    /// [`Refusal::INVALID_PAGE`] behind the end; the first page is always there.
    pub(super) fn page<T>(&self, count: usize, results: Vec<T>) -> Result<Page<T>, Refusal> {
        if self.number > 1 && self.skip() >= count {
            return Err(Refusal::INVALID_PAGE);
        }
        let at = |number: usize| match number {
            1 => self.address.clone(),
            number => format!("{}?page={number}", self.address),
        };
        Ok(Page {
            count,
            next: (self.number * PAGE < count).then(|| at(self.number + 1)),
            previous: (self.number > 1).then(|| at(self.number - 1)),
            results,
        })
    }
}
