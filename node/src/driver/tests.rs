use std::future::Future;
use std::path::Path;

use maille_core::command::ShareState;
use maille_protocol::card::{Card, ShareLink};
use maille_protocol::time::DAY_MS;
use maille_schemas::document::Month;
use maille_schemas::record::Record;
use maille_schemas::{import, sample};
use tokio::time::timeout;

use super::*;
use crate::keystore::{self, CreateOptions};

fn home(folder: &Path, name: &str) -> HomeDir {
    keystore::create(folder.join(name), CreateOptions::default())
        .unwrap()
        .home
}

async fn start(home: &HomeDir, mode: Mode) -> Node {
    Node::start(home, keystore::open(home, None).unwrap(), mode)
        .await
        .unwrap()
}

async fn card(node: &Node) -> Card {
    match node.call(Command::Card).await.unwrap() {
        Done::Card { card } => card,
        other => panic!("{other:?}"),
    }
}

fn records(seed: u64) -> Vec<Record> {
    let month: Month = "2026-03".parse().unwrap();
    let files = sample::files(seed, month);
    let read = |file: &sample::SampleFile| {
        import::import(&file.name, &file.bytes, None)
            .unwrap()
            .records
    };
    files.iter().take(2).flat_map(read).collect()
}

async fn record(node: &Node, seed: u64) -> u64 {
    match node
        .call(Command::Record {
            records: records(seed),
        })
        .await
        .unwrap()
    {
        Done::Recorded { added, .. } => added,
        other => panic!("{other:?}"),
    }
}

async fn trips(node: &Node) -> usize {
    match node.call(Command::Trips { month: None }).await.unwrap() {
        Done::Trips { trips } => trips.len(),
        other => panic!("{other:?}"),
    }
}

async fn share(node: &Node, with: Card) -> ShareLink {
    let command = Command::ShareCreate {
        lens: "mobility.weekly".to_owned(),
        with,
        name: "Marc".to_owned(),
        until: clock::now().plus_millis(30 * DAY_MS),
        from: None,
        purpose: "the challenge".to_owned(),
    };
    match node.call(command).await.unwrap() {
        Done::ShareCreated { link, .. } => link,
        other => panic!("{other:?}"),
    }
}

async fn accept(node: &Node, link: ShareLink) {
    let accept = Command::ReceivedAccept {
        link,
        name: "Inès".to_owned(),
    };
    node.call(accept).await.unwrap();
}

/// Rows and state of the only share that `node` received.
async fn received(node: &Node) -> (u64, ShareState) {
    match node.call(Command::ReceivedList).await.unwrap() {
        Done::ReceivedList { shares } => (shares[0].rows, shares[0].state),
        other => panic!("{other:?}"),
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(60), future)
        .await
        .expect("within a minute")
}

/// Waits for an event, with what came before left aside.
async fn until(events: &mut broadcast::Receiver<Event>, wanted: impl Fn(&Event) -> bool) {
    soon(async { while !wanted(&events.recv().await.unwrap()) {} }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_for_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path(), "a");
    let node = start(&home, Mode::Offline).await;
    let added = record(&node, 1).await;
    assert!(added > 0);
    let before = trips(&node).await;
    node.shutdown().await;

    let node = start(&home, Mode::Offline).await;
    assert_eq!(trips(&node).await, before);
    assert!(
        !card(&node).await.addresses.is_empty(),
        "a card says where, offline too"
    );
    assert!(node.listening().is_empty());
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_nobody_asked_for_and_another_has_is_given_up_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let homes = ["a", "b"].map(|name| home(folder.path(), name));
    homes[1].set_config(&homes[0].config().unwrap()).unwrap();
    let first = start(&homes[0], Mode::Online).await;
    let second = start(&homes[1], Mode::Online).await;
    let moved = homes[1].config().unwrap();
    assert_ne!(moved.listen, homes[0].config().unwrap().listen);
    assert_eq!(card(&second).await.addresses, moved.listen, "and says so");
    second.shutdown().await;
    // One that somebody asked for is not.
    let asked = Config::listening(homes[0].config().unwrap().listen);
    homes[1].set_config(&asked).unwrap();
    let keys = keystore::open(&homes[1], None).unwrap();
    let refused = Node::start(&homes[1], keys, Mode::Online).await;
    assert!(matches!(
        refused,
        Err(StartError::Net(NetError::CannotListen { .. }))
    ));
    assert_eq!(homes[1].config().unwrap(), asked);
    first.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_on_the_same_home_is_refused_and_told_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path(), "a");
    let first = start(&home, Mode::Offline).await;
    let keys = keystore::open(&home, None).unwrap();
    let error = Node::start(&home, keys, Mode::Offline).await.unwrap_err();
    let me = std::process::id();
    assert!(
        matches!(error, StartError::Home(HomeError::InUse { pid: Some(pid), .. }) if pid == me),
        "{error}"
    );
    first.shutdown().await;
    start(&home, Mode::Offline).await.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_live_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    let a = start(&home(folder.path(), "a"), Mode::Online).await;
    let b = start(&home(folder.path(), "b"), Mode::Online).await;
    assert_eq!(a.listening().len(), 2);
    record(&a, 1).await;
    let mut events = b.events();
    accept(&b, share(&a, card(&b).await).await).await;
    until(&mut events, |event| {
        matches!(event, Event::RowsArrived { .. })
    })
    .await;
    let first = received(&b).await.0;
    assert!(first > 0);

    let month: Month = "2026-08".parse().unwrap();
    let later = sample::files(2, month);
    let later = import::import("later.gpx", &later[0].bytes, None)
        .unwrap()
        .records;
    a.call(Command::Record { records: later }).await.unwrap();
    until(&mut events, |event| {
        matches!(event, Event::RowsArrived { .. })
    })
    .await;
    assert!(received(&b).await.0 > first);

    a.call(Command::ShareRevoke {
        share: "Marc".to_owned(),
    })
    .await
    .unwrap();
    until(&mut events, |event| {
        matches!(event, Event::ShareEnded { .. })
    })
    .await;
    assert!(matches!(received(&b).await.1, ShareState::Revoked { .. }));
    a.shutdown().await;
    b.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_gets_what_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    let (home_a, home_b) = (home(folder.path(), "a"), home(folder.path(), "b"));
    let a = start(&home_a, Mode::Online).await;
    let b = start(&home_b, Mode::Offline).await;
    let link = share(&a, card(&b).await).await;
    accept(&b, link).await;
    b.shutdown().await;
    record(&a, 1).await;
    a.shutdown().await;

    let a = start(&home_a, Mode::Online).await;
    let b = start(&home_b, Mode::Online).await;
    let mut events = b.events();
    if received(&b).await.0 == 0 {
        until(&mut events, |event| {
            matches!(event, Event::RowsArrived { .. })
        })
        .await;
    }
    assert!(received(&b).await.0 > 0);
    a.shutdown().await;
    b.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_stopped_answers_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let node = start(&home(folder.path(), "a"), Mode::Offline).await;
    let caller = node.caller();
    node.shutdown().await;
    let error = soon(caller.call(Command::Status)).await.unwrap_err();
    assert!(matches!(error, CallError::Lost { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "a test that was left out says so")]
async fn a_full_disk_is_said_and_the_node_goes_on_with_what_it_had() {
    let Some(disk) = crate::store::SmallDisk::new(6) else {
        eprintln!("left out: this process may not mount a small disk");
        return;
    };
    let home = home(disk.path(), "a");
    let node = start(&home, Mode::Offline).await;
    record(&node, 1).await;
    let before = trips(&node).await;
    let blocker = disk.path().join("blocker");
    fill(&blocker);
    let mut error = None;
    for seed in 2..200 {
        let records = records(seed);
        match soon(node.call(Command::Record { records })).await {
            Ok(_) => fill(&blocker), // it fitted into pages that the store had in reserve
            Err(refused) => {
                error = Some(refused);
                break;
            }
        }
    }
    let error = error.expect("the disk is full in the end");
    assert!(
        matches!(error, CallError::Command(CommandError::Disk { .. })),
        "{error}"
    );
    assert!(soon(trips(&node)).await >= before);
    std::fs::remove_file(&blocker).unwrap();
    record(&node, 1_000).await;
    node.shutdown().await;
}

/// Fills the disk to its last byte.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    for block in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![0; block]).is_ok() {}
    }
}
