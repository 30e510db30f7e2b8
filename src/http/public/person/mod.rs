//! `/p/{pass}` and `/u/{pass}`: what a person is shown, and can have done, who holds a pass.
//!
//! GET and HEAD show: a mail scanner that opens every link, twice, changes nothing but the trail, where each look is a line. POST acts.
//! No cookie: whoever has the link has the pass, and nobody else's browser sends anything on its own. What a form carries beside it
//! shows that the page was looked at, for this act (docs/decisions, 252).
//!
//! | file | subject |
//! |---|---|
//! | `visitor` | a pass is looked up; who then acts |
//! | `page` | what is shown |
//! | `acts` | what is done |
//! | `one_click` | mail programs say no for somebody (RFC 8058) |
//! | `links` | whoever lost their link asks for it |
//! | `form` | what was posted |

mod acts;
mod form;
mod links;
mod one_click;
mod page;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::forget::address::Sought;
use crate::http::admin::PersonActs;
use crate::http::body::BodyBudget;
use crate::http::caller::Proxies;
use crate::http::public::allowance::{ACTS, ASKED, Allowance, PAGES, TOLD};
use crate::http::public::reader::language;
use crate::http::public::sheet::Press;
use crate::people::page::{House, Sheet, failed, lost};

/// The largest form.
const FORM_BYTES_MAX: usize = 16 * 1_024;
/// What all forms together may take beside their first bytes.
const FORMS_BYTES: usize = 1_024 * 1_024;
/// How long one may take.
const FORM_WITHIN: Duration = Duration::from_secs(10);
/// Acts by one pass follow one another; so many passes may act at one time.
const STRIPES: usize = 16;
/// What an act came to is shown again for so long: a button that was pressed twice, a page that is loaded anew to be printed.
const SHOWN_AGAIN: Duration = Duration::from_secs(10 * 60);
/// So many of these pages are kept.
const SHOWN_AGAIN_MAX: usize = 200;

/// All that the handlers of these pages can reach.
pub struct Persons {
    acts: PersonActs,
    proxies: Proxies,
    reading: Allowance,
    acting: Allowance,
    told: Allowance,
    refusing: Allowance,
    stopped: one_click::Stopped,
    asking: Allowance,
    /// Who sends links to whoever lost theirs; none: no mail is sent.
    links: Option<links::Taking>,
    budget: BodyBudget,
    press: Press,
    stripes: [tokio::sync::Mutex<()>; STRIPES],
    ended: Mutex<Vec<Ended>>,
}

/// A page that is shown once: there is a receipt on it, and nothing of anybody.
struct Ended {
    pass: [u8; 32],
    act: &'static str,
    at: Instant,
    sheet: Arc<Sheet>,
}

impl Persons {
    /// With what people can have done.
    pub fn new(acts: PersonActs, proxies: Proxies) -> Self {
        Self {
            acts,
            proxies,
            reading: Allowance::new(PAGES),
            acting: Allowance::new(ACTS),
            told: Allowance::new(TOLD),
            refusing: Allowance::new(PAGES),
            stopped: one_click::Stopped::default(),
            asking: Allowance::new(ASKED),
            links: None,
            budget: BodyBudget::new(FORMS_BYTES),
            press: Press::new(),
            stripes: Default::default(),
            ended: Mutex::default(),
        }
    }

    /// Mails are sent: copies, and links to whoever lost theirs, whose addresses are handed on; false: there is no room for one more.
    pub fn mailing(self, take: impl Fn(Sought) -> bool + Send + Sync + 'static) -> Self {
        Self { links: Some(Box::new(take)), ..self }
    }

    /// A page that is made of what the config says of whoever answers for the data.
    fn sheet(&self, made: impl FnOnce(&House<'_>) -> Sheet) -> Sheet {
        self.house(made)
    }

    /// What is made of that.
    fn house<T>(&self, made: impl FnOnce(&House<'_>) -> T) -> T {
        let stationery = self.acts.receipts().stationery.pin();
        let of = &stationery.controller;
        made(&House { name: &of.name, address: &of.address, email: &of.email })
    }

    /// What stands where a pass opens nothing: the same, whatever the cause.
    fn lost(&self, request: &HttpRequest) -> HttpResponse {
        let sheet = self.sheet(|house| lost(house, language(request), self.links.is_some()));
        self.press.answer(StatusCode::NOT_FOUND, &sheet)
    }

    fn failed(&self, request: &HttpRequest, status: StatusCode) -> HttpResponse {
        let is_busy = status == StatusCode::TOO_MANY_REQUESTS;
        let sheet = self.sheet(|house| failed(house, language(request), is_busy));
        self.press.answer(status, &sheet)
    }

    /// Keeps a page that is shown once.
    fn keep(&self, pass: [u8; 32], act: &'static str, sheet: Arc<Sheet>) {
        let now = Instant::now();
        let mut ended = self.ended.lock();
        ended.retain(|one| now.duration_since(one.at) < SHOWN_AGAIN);
        if ended.len() >= SHOWN_AGAIN_MAX {
            ended.remove(0);
        }
        ended.push(Ended { pass, act, at: now, sheet });
    }

    /// Such a page, if this very act by this pass has come to it of late.
    fn kept(&self, pass: &[u8; 32], act: &str) -> Option<Arc<Sheet>> {
        let now = Instant::now();
        let ended = self.ended.lock();
        let is_it =
            |one: &&Ended| one.pass == *pass && one.act == act && now.duration_since(one.at) < SHOWN_AGAIN;
        ended.iter().rev().find(is_it).map(|one| Arc::clone(&one.sheet))
    }

    /// Acts by the same pass follow one another.
    fn stripe(&self, pass: &[u8; 32]) -> &tokio::sync::Mutex<()> {
        let at = usize::from(pass[0]) % STRIPES;
        &self.stripes[at]
    }
}

/// HEAD is GET without its body; what is posted goes to the same address.
pub(in crate::http) fn person_routes(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/p/lost")
                .route(web::get().to(links::show))
                .route(web::head().to(page::look_by_machine))
                .route(web::post().to(links::ask)),
        )
        .service(
            web::resource("/p/{pass}")
                .route(web::get().to(page::show))
                .route(web::head().to(page::look_by_machine))
                .route(web::post().to(acts::act)),
        )
        .service(
            web::resource("/u/{pass}")
                .route(web::get().to(one_click::show))
                .route(web::head().to(page::look_by_machine))
                .route(web::post().to(one_click::stop)),
        );
}
