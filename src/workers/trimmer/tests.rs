use super::*;
use crate::lead::sample as leads;
use crate::purpose::sample::{consent, field, purpose as sample};
use crate::purpose::{Channel, ConsentKey, FieldRule, Whitelist};
use crate::store::contract::Host;
use crate::store::contract::support::{
    by_officer, exporting, purpose, read_all, record, request, store_many, stored_in,
};
use crate::store::memory::MemoryHost;
use crate::trail::Action;
use crate::workers::{Step, Worker};

/// A purpose that may hold this field; where so many months are given, until the consent of who let themselves be mailed ends.
fn policy(name: &str, months: Option<u32>) -> Arc<Policy> {
    let mut devis = sample("devis", &["email"]);
    let mut rule: FieldRule = field(name);
    rule.consent = months.and_then(|_| ConsentKey::parse("email_optin"));
    devis.whitelist = Whitelist::new(vec![rule]).expect("a field");
    devis.consents = vec![consent("email_optin", Channel::Email)];
    devis.consents[0].valid_months = months;
    Arc::new(Policy::new(vec![devis]))
}

struct World {
    host: MemoryHost,
    store: SharedStore,
    policy: Arc<Current<Policy>>,
    attention: Arc<Attention>,
    metrics: Arc<Metrics>,
    trimmer: Trimmer,
}

impl World {
    /// Over a store in which nothing is yet.
    async fn of(policy: Arc<Policy>) -> Self {
        let host = MemoryHost::new();
        let store = host.open();
        let policy = Arc::new(Current::of(policy));
        let attention = Arc::<Attention>::default();
        let trimmer = Trimmer::new(store.clone(), policy.clone(), host.clock.clone());
        let metrics = Arc::new(Metrics::new());
        let trimmer = trimmer.attending(attention.clone()).counting(metrics.clone());
        let world = Self { host, store, policy, attention, metrics, trimmer };
        world.look().await;
        world
    }

    /// Everything that it does now; how things stand then: how many records hold an address, whether a person is needed.
    async fn look(&self) -> (usize, bool) {
        for _ in 0..10 {
            self.host.clock.advance_ms(61_000);
            assert!(matches!(self.trimmer.step().await, Step::Until(_)));
        }
        let mut page = self.store.open_page(request(None, 1_000), exporting()).await.expect("a page");
        let shapes: Vec<String> = read_all(&mut page).expect("read").iter().map(leads::shape).collect();
        assert!(shapes.iter().all(|shape| shape.ends_with(" | email_optin")), "evidence stays: {shapes:?}");
        let with = shapes.iter().filter(|shape| shape.starts_with("email |")).count();
        (with, self.attention.standing().iter().any(|(code, _)| *code == AttentionCode::RemitNarrower))
    }

    fn pass_hours(&self, hours: i64) {
        self.host.clock.advance_ms(hours * 3_600_000);
        self.host.agree(&self.store);
    }

    fn is_behind(&self) -> bool {
        self.attention.standing().iter().any(|(code, _)| *code == AttentionCode::TrimOverdue)
    }

    /// How many were trimmed since the whitelist names less, and since a consent was over.
    async fn counted(&self) -> (bool, bool) {
        let text = self.metrics.render().await;
        let has = |line: &str| text.lines().any(|found| found == line);
        let of =
            |cause: &str, count| has(&format!("tamis_records_trimmed_total{{cause=\"{cause}\"}} {count}"));
        (of("remit-narrower", 300) && of("consent-over", 0), of("remit-narrower", 0) && of("consent-over", 2))
    }

    /// Lines of the trail about it: how many records, the first and the last.
    async fn told(&self) -> Vec<(u64, String)> {
        let lines = self.store.lines(0, 10_000).await.expect("a trail");
        let lines = lines.iter().filter(|line| line.entry.action() == Action::Trimmed);
        lines.map(|line| (line.entry.count, format!("{:?}", line.entry.from))).collect()
    }
}

#[tokio::test]
async fn what_left_the_whitelist_is_told_for_a_day_and_goes_then() {
    let world = World::of(policy("email", None)).await;
    store_many(&world.store, 1, 300).await;
    assert_eq!(world.look().await, (300, false));
    world.policy.replace(policy("city", None));
    assert_eq!(world.look().await, (300, true));
    world.pass_hours(23);
    assert_eq!(world.look().await, (300, true));
    world.pass_hours(2);
    assert_eq!(world.look().await, (0, false));
    let slices = [(256, "Some(devis-1-1)".to_owned()), (44, "Some(devis-1-257)".to_owned())];
    assert_eq!((world.told().await, world.counted().await), (slices.to_vec(), (true, false)));
    world.pass_hours(48);
    assert_eq!((world.look().await, world.told().await.len()), ((0, false), 2), "once");
}

#[tokio::test]
async fn a_slip_that_is_taken_back_within_the_day_takes_nothing() {
    let world = World::of(policy("email", None)).await;
    store_many(&world.store, 1, 3).await;
    for name in ["city", "ville"] {
        world.policy.replace(policy(name, None));
        assert_eq!(world.look().await, (3, true), "another one begins anew");
        world.pass_hours(20);
    }
    world.policy.replace(policy("email", None));
    assert_eq!(world.look().await, (3, false));
    world.pass_hours(30);
    assert_eq!((world.look().await, world.told().await.len()), ((3, false), 0));
}

/// A store of before says nothing of it.
#[tokio::test]
async fn what_was_stored_under_a_whitelist_that_nobody_noted_is_found() {
    let host = MemoryHost::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let trimmer =
        Trimmer::new(store.clone(), Arc::new(Current::of(policy("city", None))), host.clock.clone());
    for _ in 0..2 {
        trimmer.step().await;
        host.clock.advance_ms(61_000);
    }
    let kept = store.remits().await.expect("read");
    assert!(kept[&purpose("devis")].in_force.is_none() && kept[&purpose("devis")].pending.is_some());
}

#[tokio::test]
async fn what_hung_on_a_consent_goes_on_the_day_on_which_that_ends() {
    let world = World::of(policy("email", Some(1))).await;
    let settled = world.store.settle((1..=3).map(|number| stored_in("devis", number, false, 400)).collect());
    settled.await.expect("settled");
    // They were given on 24 November, and end on 24 December.
    world.host.pass_days(&world.store, 28);
    assert_eq!((world.look().await, world.told().await), ((3, false), Vec::new()));
    let until = crate::clock::Day::of(world.store.now()).plus(20);
    let entry = by_officer(Action::Restricted);
    world.store.restrict(record("devis-1-2"), until, entry).await.expect("restricted");
    world.host.pass_days(&world.store, 2);
    assert_eq!(world.look().await, (0, false), "nobody needs a day for it");
    assert_eq!(world.told().await, [(2, "Some(devis-1-1)".to_owned())]);
    assert_eq!(world.counted().await, (false, true));
    // What is restricted is passed over until that is over.
    world.host.pass_days(&world.store, 1);
    world.look().await;
    let entry = by_officer(Action::RestrictionLifted);
    assert_eq!(world.store.lift_restriction(record("devis-1-2"), entry).await, Ok(true));
    world.host.pass_days(&world.store, 1);
    assert_eq!(world.look().await, (0, false));
    assert_eq!(world.told().await.last(), Some(&(1, "Some(devis-1-2)".to_owned())));
}

#[tokio::test]
async fn nothing_goes_by_a_clock_that_nobody_has_confirmed() {
    let host = MemoryHost::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let current = Arc::new(Current::of(policy("city", None)));
    drop(store);
    let store = host.open_alone();
    let trimmer = Trimmer::new(store.clone(), current, host.clock.clone());
    trimmer.step().await;
    assert!(store.remits().await.expect("read").is_empty());
    host.agree(&store);
    host.clock.advance_ms(11_000);
    trimmer.step().await;
    assert!(store.remits().await.expect("read")[&purpose("devis")].pending.is_some());
}

#[tokio::test]
async fn one_turn_takes_so_much_and_the_next_goes_on() {
    let mut world = World::of(policy("email", None)).await;
    world.trimmer.slices_max = 1;
    store_many(&world.store, 1, 300).await;
    world.policy.replace(policy("city", None));
    world.look().await;
    world.pass_hours(25);
    let turn = async || {
        assert!(matches!(world.trimmer.step().await, Step::Until(_)));
        let told = world.told().await.len();
        world.host.clock.advance_ms(1_000);
        told
    };
    assert_eq!((turn().await, turn().await, turn().await), (1, 2, 2));
}

#[tokio::test]
async fn what_is_due_for_a_day_and_still_there_is_told() {
    let world = World::of(policy("email", None)).await;
    store_many(&world.store, 1, 3).await;
    world.policy.replace(policy("city", None));
    world.look().await;
    world.pass_hours(47);
    assert!(!world.is_behind());
    // Between two turns of it: nobody could trim.
    let standing = async |hours: i64| {
        world.pass_hours(hours);
        world.trimmer.look_for_behind(world.host.clock.now()).await;
        world.is_behind()
    };
    assert_eq!((standing(0).await, standing(2).await), (false, true));
    world.look().await;
    assert!(!world.is_behind(), "it is gone");
}

/// A consent ends on its day, and that is over before anybody is behind.
#[test]
fn a_look_of_each_day_is_behind_once_the_next_day_is_over() {
    let policy = policy("email", Some(1));
    let remit = Remit::of(policy.purpose("devis").expect("a purpose"));
    let now = crate::store::contract::support::start();
    let kept = |days| KeptRemit {
        in_force: Some(remit.hash()),
        looked_on: Some(Day::of(now).minus(days)),
        ..KeptRemit::default()
    };
    assert_eq!([0, 1, 2].map(|days| is_behind(&kept(days), &remit, now)), [false, false, true]);
}
