//! Who is worked now, who waits, and who is told to come back, when more is asked than this process can do.
//!
//! Pages and forms share a number of places that follows how long pages take (additive increase, multiplicative
//! decrease): a form may use half as many again as a page, so that pages make way first. Deeds have places of their own
//! and wait longer: the work behind them (a queue gone through, a choice made) is dear to do once more. So have checks,
//! in which whole files are read: a few of them use all that a machine has, so they neither wait behind deeds nor hold
//! them up, and while one waits no new upload begins, which would come back to wait there too. Whoever has waited for
//! the patience of their kind is turned away before anything was done for them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// What a request costs to repeat; turned away in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A page or a list: the browser loads it again by itself.
    Page,
    /// The beginning of an upload: nothing was sent yet, and the browser tries again.
    Upload,
    /// A form, a log-in: the person sends it again.
    Form,
    /// What finishes a longer piece of work.
    Deed,
    /// What finishes with the reading of a whole file.
    Check,
}

impl Kind {
    /// Every kind, in the order in which they are turned away.
    pub const ALL: [Self; 5] = [Self::Page, Self::Upload, Self::Form, Self::Deed, Self::Check];

    /// The label of metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Upload => "upload",
            Self::Form => "form",
            Self::Deed => "deed",
            Self::Check => "check",
        }
    }
}

/// The kinds that a route is named for, by method; reads are pages and the rest are forms. A test of the whole house
/// proves that each is a route.
pub const NAMED: [(&str, &str, Kind); 14] = [
    ("POST", "/s/{school}/files", Kind::Upload),
    ("POST", "/s/{school}/files/{file}/completion", Kind::Check),
    ("POST", "/s/{school}/outcomes/{outcome}/files", Kind::Check),
    ("POST", "/s/{school}/activities/{activity}/files", Kind::Check),
    ("POST", "/s/{school}/office/imports", Kind::Check),
    ("POST", "/s/{school}/outcomes/{outcome}/certification-request", Kind::Deed),
    ("POST", "/s/{school}/certification/{request}/decision", Kind::Deed),
    ("POST", "/s/{school}/certification/batches", Kind::Deed),
    ("POST", "/s/{school}/selection", Kind::Deed),
    ("POST", "/s/{school}/submission/batches", Kind::Deed),
    ("POST", "/s/{school}/submission/batches/{batch}/notice", Kind::Deed),
    ("POST", "/s/{school}/receipt/confirmations", Kind::Deed),
    ("POST", "/s/{school}/receipt/disputes", Kind::Deed),
    ("GET", "/roster/{token}/{file}", Kind::Deed),
];

/// GETs that a reload does not repeat: a log-in's way back carries a code that counts once, and an upload goes on.
const FORMS: [&str; 2] = ["/sso/callback", "/s/{school}/files/{file}/parts"];

/// Answered from memory, in microseconds: turning them away would cost as much.
const FREE: [&str; 1] = ["/assets/{file}"];

/// The kind of a request by its method and the template of its route; `None` is never held up.
pub(crate) fn kind(method: &str, route: &str) -> Option<Kind> {
    let reads = matches!(method, "GET" | "HEAD");
    if reads && FREE.contains(&route) {
        return None;
    }
    let named = NAMED.iter().find(|(of, path, _)| (*of, *path) == (method, route)).map(|(.., kind)| *kind);
    let usual = if reads && !FORMS.contains(&route) { Kind::Page } else { Kind::Form };
    Some(named.unwrap_or(usual))
}

/// The numbers, as `LICHENG_*` sets them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Places at least.
    pub min: u16,
    /// Places at most, and those of deeds.
    pub max: u16,
    /// Places of checks.
    pub checks: u16,
    /// Within this nine of ten pages are to be worked.
    pub target: Duration,
    /// How long pages, forms, and deeds (with uploads that begin and checks) wait.
    pub patience: [Duration; 3],
    /// After how long those turned away are asked to come back.
    pub retry: Duration,
}

impl Limits {
    fn patience(&self, kind: Kind) -> Duration {
        let [pages, forms, deeds] = self.patience;
        match kind {
            Kind::Page => pages,
            Kind::Form => forms,
            // the page sends a file by itself: nobody sits before it and waits, and coming back takes longer
            Kind::Upload | Kind::Deed | Kind::Check => deeds,
        }
    }
}

/// How many kinds there are.
const KINDS: usize = Kind::ALL.len();
/// Beyond this many of a kind nobody else waits: the queue would only take memory.
const QUEUE: usize = 2048;
/// Pages after which the number of places is thought over.
const WINDOW: u32 = 20;
/// The same after this long, when there were fewer pages: those say nothing of a crowd.
const STALE: Duration = Duration::from_secs(1);
/// One page in ten is slow: fewer places by this factor.
const DECREASE: f64 = 0.9;
/// Every second page is slow: a crowd, and fewer places at once.
const CROWDED: f64 = 0.5;

/// The door of one process. Clones are the same door.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Door>);

struct Door {
    limits: Limits,
    state: Mutex<State>,
}

struct State {
    places: f64,
    /// Worked now, by kind.
    inside: [usize; KINDS],
    waiting: [VecDeque<oneshot::Sender<Place>>; KINDS],
    window: Window,
}

/// What the pages of the last moments took.
struct Window {
    since: Instant,
    pages: u32,
    slow: u32,
    /// The most that were inside at once.
    most: usize,
}

impl Window {
    fn new(inside: usize) -> Self {
        Self { since: Instant::now(), pages: 0, slow: 0, most: inside }
    }
}

/// A place inside; dropping it lets the next one in.
pub(crate) struct Place {
    door: Arc<Door>,
    kind: Kind,
    since: Instant,
}

impl Admission {
    pub(crate) fn new(limits: Limits) -> Self {
        for kind in Kind::ALL {
            // a series that begins with its first event shows no increase
            metrics::counter!("licheng_shed_total", "kind" => kind.code()).increment(0);
        }
        let state = State {
            places: f64::from(limits.max),
            inside: [0; KINDS],
            waiting: Default::default(),
            window: Window::new(0),
        };
        Self(Arc::new(Door { limits, state: Mutex::new(state) }))
    }

    pub(crate) fn retry(&self) -> Duration {
        self.0.limits.retry
    }

    /// A place, at once or after a wait; `None`: turned away.
    pub(crate) async fn enter(&self, kind: Kind) -> Option<Place> {
        let turn = {
            let mut state = self.0.state();
            if state.has_room(kind, &self.0.limits) && state.nobody_before(kind) {
                state.note_entry(kind);
                drop(state);
                return Some(self.0.place(kind));
            }
            let queue = &mut state.waiting[kind as usize];
            // those who gave up leave their tickets behind
            while queue.front().is_some_and(oneshot::Sender::is_closed) {
                queue.pop_front();
            }
            if queue.len() >= QUEUE {
                return None;
            }
            let (ticket, turn) = oneshot::channel();
            queue.push_back(ticket);
            turn
        };
        let patience = self.0.limits.patience(kind);
        tokio::time::timeout(patience, turn).await.ok()?.ok()
    }
}

impl Door {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(self: &Arc<Self>, kind: Kind) -> Place {
        metrics::gauge!("licheng_requests_inside", "kind" => kind.code()).increment(1.0);
        Place { door: Arc::clone(self), kind, since: Instant::now() }
    }

    /// Lets in who is next, the dearest first, while there is room.
    fn call_next(self: &Arc<Self>) {
        for kind in Kind::ALL.into_iter().rev() {
            loop {
                let mut state = self.state();
                if !state.has_room(kind, &self.limits) {
                    break;
                }
                let Some(ticket) = state.waiting[kind as usize].pop_front() else { break };
                if ticket.is_closed() {
                    continue;
                }
                state.note_entry(kind);
                drop(state); // a place that nobody takes is dropped here, and calls the next
                drop(ticket.send(self.place(kind)));
            }
        }
    }
}

impl State {
    fn has_room(&self, kind: Kind, limits: &Limits) -> bool {
        match kind {
            Kind::Page => self.quick() < whole(self.places),
            Kind::Upload => self.quick() < whole(self.places * 1.5) && !self.waits(Kind::Check),
            Kind::Form => self.quick() < whole(self.places * 1.5),
            Kind::Deed => self.inside[Kind::Deed as usize] < usize::from(limits.max),
            Kind::Check => self.inside[Kind::Check as usize] < usize::from(limits.checks),
        }
    }

    /// Those inside who share the places that follow the pages.
    fn quick(&self) -> usize {
        [Kind::Page, Kind::Upload, Kind::Form].into_iter().map(|kind| self.inside[kind as usize]).sum()
    }

    fn waits(&self, kind: Kind) -> bool {
        self.waiting[kind as usize].iter().any(|ticket| !ticket.is_closed())
    }

    /// Nobody of the same kind, and of pages no form, has waited longer.
    fn nobody_before(&self, kind: Kind) -> bool {
        let behind_forms = kind == Kind::Page && self.waits(Kind::Form);
        !behind_forms && !self.waits(kind)
    }

    fn note_entry(&mut self, kind: Kind) {
        self.inside[kind as usize] += 1;
        self.window.most = self.window.most.max(self.quick());
    }

    /// Counts a page that is done, and thinks the number of places over when there were enough. A page that was let in
    /// before the last change says nothing of it.
    fn note_page(&mut self, since: Instant, took: Duration, limits: &Limits) {
        if since < self.window.since {
            return;
        }
        self.window.pages += 1;
        self.window.slow += u32::from(took > limits.target);
        if self.window.pages < WINDOW && self.window.since.elapsed() < STALE {
            return;
        }
        let crowded = self.window.pages >= WINDOW;
        if crowded && self.window.slow * 2 > self.window.pages {
            self.places *= CROWDED;
        } else if crowded && self.window.slow * 10 > self.window.pages {
            self.places *= DECREASE;
        } else if !crowded || self.window.most >= whole(self.places) {
            // more only where they were all used; without a crowd the number finds back to where it began
            self.places += 1.0;
        }
        self.places = self.places.clamp(f64::from(limits.min), f64::from(limits.max));
        self.window = Window::new(self.quick());
        metrics::gauge!("licheng_places").set(self.places);
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 100,000")]
fn whole(places: f64) -> usize {
    places as usize
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("licheng_requests_inside", "kind" => self.kind.code()).decrement(1.0);
        let mut state = self.door.state();
        state.inside[self.kind as usize] -= 1;
        if self.kind == Kind::Page {
            state.note_page(self.since, self.since.elapsed(), &self.door.limits);
        }
        drop(state);
        self.door.call_next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        min: 2,
        max: 8,
        checks: 2,
        target: Duration::from_millis(100),
        patience: [Duration::from_millis(20), Duration::from_millis(40), Duration::from_millis(80)],
        retry: Duration::from_secs(5),
    };

    /// So patient that only a place ends the wait.
    const PATIENT: Limits = Limits { min: 2, max: 2, patience: [Duration::from_secs(60); 3], ..LIMITS };

    async fn fill(door: &Admission, kind: Kind, count: usize) -> Vec<Place> {
        let mut places = Vec::new();
        for _ in 0..count {
            places.push(door.enter(kind).await.expect("room"));
        }
        places
    }

    #[test]
    fn kinds_follow_method_and_route() {
        assert_eq!(kind("GET", "/s/{school}/home"), Some(Kind::Page));
        assert_eq!(kind("GET", "none"), Some(Kind::Page));
        assert_eq!(kind("GET", "/assets/{file}"), None);
        assert_eq!(kind("POST", "/s/{school}/outcomes"), Some(Kind::Form));
        assert_eq!(kind("GET", "/sso/callback"), Some(Kind::Form));
        assert_eq!(kind("POST", "/s/{school}/selection"), Some(Kind::Deed));
        assert_eq!(kind("GET", "/s/{school}/selection"), Some(Kind::Page));
        assert_eq!(kind("POST", "/s/{school}/files"), Some(Kind::Upload));
        assert_eq!(kind("POST", "/s/{school}/files/{file}/completion"), Some(Kind::Check));
    }

    #[tokio::test]
    async fn pages_make_way_first_then_forms_and_deeds_last() {
        let door = Admission::new(LIMITS);
        let _pages = fill(&door, Kind::Page, 8).await;
        let begun = Instant::now();
        assert!(door.enter(Kind::Page).await.is_none(), "a ninth page");
        assert!(begun.elapsed() >= LIMITS.patience[0]);
        let _forms = fill(&door, Kind::Form, 4).await;
        let begun = Instant::now();
        assert!(door.enter(Kind::Form).await.is_none(), "a fifth form beside eight pages");
        assert!(begun.elapsed() >= LIMITS.patience[1]);
        let _deeds = fill(&door, Kind::Deed, 8).await;
        let begun = Instant::now();
        assert!(door.enter(Kind::Deed).await.is_none(), "a ninth deed");
        assert!(begun.elapsed() >= LIMITS.patience[2]);
    }

    #[tokio::test]
    async fn no_upload_begins_while_a_sent_one_waits_for_its_check() {
        let door = Admission::new(PATIENT);
        let mut checks = fill(&door, Kind::Check, 2).await;
        drop(fill(&door, Kind::Upload, 1).await);
        let wait = |kind| {
            let door = door.clone();
            tokio::spawn(async move { door.enter(kind).await.is_some() })
        };
        let check = wait(Kind::Check);
        tokio::task::yield_now().await;
        let upload = wait(Kind::Upload);
        tokio::task::yield_now().await;
        assert!(!upload.is_finished(), "places are free, but not for one who comes back for a check");
        drop(fill(&door, Kind::Deed, 2).await);
        drop(fill(&door, Kind::Form, 1).await);
        checks.pop();
        assert!(check.await.unwrap() && upload.await.unwrap());
    }

    #[tokio::test]
    async fn a_place_that_becomes_free_goes_to_the_dearest_then_to_who_came_first() {
        let door = Admission::new(PATIENT);
        let mut pages = fill(&door, Kind::Page, 2).await;
        pages.extend(fill(&door, Kind::Form, 1).await);
        let entered = Arc::new(Mutex::new(Vec::new()));
        let wait = |kind, name: &'static str| {
            let (door, entered) = (door.clone(), Arc::clone(&entered));
            tokio::spawn(async move {
                let place = door.enter(kind).await;
                entered.lock().unwrap().push((name, place.is_some()));
            })
        };
        let mut waits = Vec::new();
        for (kind, name) in [(Kind::Page, "page 1"), (Kind::Page, "page 2"), (Kind::Form, "form")] {
            waits.push(wait(kind, name));
            tokio::task::yield_now().await;
        }
        drop(pages);
        for wait in waits {
            wait.await.unwrap();
        }
        let entered = entered.lock().unwrap().clone();
        assert_eq!(entered, [("form", true), ("page 1", true), ("page 2", true)]);
    }

    #[tokio::test]
    async fn who_gives_up_while_waiting_leaves_no_place_taken() {
        let door = Admission::new(PATIENT);
        let pages = fill(&door, Kind::Page, 2).await;
        let waiting = tokio::spawn({
            let door = door.clone();
            async move { drop(door.enter(Kind::Page).await) }
        });
        tokio::task::yield_now().await;
        assert_eq!(door.0.state().waiting[0].len(), 1);
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        drop(pages);
        assert_eq!(door.0.state().inside, [0; KINDS]);
        drop(fill(&door, Kind::Page, 2).await);
        assert_eq!(door.0.state().inside, [0; KINDS]);
    }

    /// While more than one page in ten is slow there are fewer places, never below the least; and they come back.
    #[test]
    fn places_follow_how_long_pages_take() {
        let door = Admission::new(LIMITS);
        let pages = |took: u64, rounds: u32| {
            for _ in 0..rounds * WINDOW {
                let mut state = door.0.state();
                state.window.most = whole(state.places);
                let now = Instant::now();
                state.note_page(now, Duration::from_millis(took), &LIMITS);
            }
            whole(door.0.state().places)
        };
        assert_eq!(pages(20, 10), 8);
        assert_eq!(pages(300, 1), 4);
        assert_eq!(pages(300, 100), 2);
        assert_eq!(pages(20, 100), 8);
    }

    /// One slow page now and then says nothing of a crowd.
    #[test]
    fn few_slow_pages_change_nothing() {
        let door = Admission::new(LIMITS);
        for nth in 0..1_000 {
            let slow = nth % WINDOW < 2;
            let took = Duration::from_millis(if slow { 900 } else { 10 });
            door.0.state().note_page(Instant::now(), took, &LIMITS);
        }
        assert_eq!(whole(door.0.state().places), 8);
    }

    /// When the number of places is halved, those who were let in before still take long; it is not halved for them.
    #[test]
    fn pages_from_before_a_change_are_not_held_against_it() {
        let door = Admission::new(LIMITS);
        let early = Instant::now();
        let slow = |since| door.0.state().note_page(since, Duration::from_millis(300), &LIMITS);
        (0..WINDOW).for_each(|_| slow(Instant::now()));
        assert_eq!(whole(door.0.state().places), 4);
        (0..10 * WINDOW).for_each(|_| slow(early));
        assert_eq!(whole(door.0.state().places), 4);
    }
}
