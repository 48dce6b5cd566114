use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use maille_core::io::CommitId;

use super::*;

fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

fn put(key: &[u8], value: &[u8]) -> Write {
    (key.to_vec(), Some(value.to_vec()))
}

fn commit(store: &Store, batch: &[Write]) -> Result<(), CommitError> {
    store.commit([batch])
}

#[test]
fn what_was_committed_is_read_back_by_whoever_opens_the_store_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    {
        let store = Store::create(&path, &key(1)).unwrap();
        commit(
            &store,
            &[put(b"a", b"one"), put(b"b", b""), put(b"c", b"three")],
        )
        .unwrap();
        commit(&store, &[(b"a".to_vec(), None), put(b"c", b"four")]).unwrap();
    }
    let store = Store::open(&path, &key(1)).unwrap();
    assert_eq!(store.get(b"a").unwrap(), None);
    assert_eq!(store.get(b"b").unwrap(), Some(vec![]));
    assert_eq!(store.get(b"c").unwrap(), Some(b"four".to_vec()));
}

/// Runs itself as the process that is killed: with this set, it writes to the store there.
const VICTIM: &str = "MAILLE_TEST_KILLED_STORE";

#[test]
fn a_process_killed_at_any_moment_loses_nothing_that_was_reported() {
    if let Some(path) = std::env::var_os(VICTIM) {
        write_until_killed(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    drop(Store::create(&path, &key(1)).unwrap());
    let mut kept = 0;
    for round in 0..12_u64 {
        let this_test =
            "store::tests::a_process_killed_at_any_moment_loses_nothing_that_was_reported";
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args([this_test, "--exact", "--nocapture"])
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let mut reported = kept;
        let mut seen = 0;
        for line in lines {
            let line = line.unwrap();
            let Some(number) = line.strip_prefix("reported ") else {
                continue;
            };
            reported = number.parse().unwrap();
            seen += 1;
            if seen == 1 + round * 7 % 11 {
                victim.kill().unwrap(); // what it said before it died is still read
            }
        }
        victim.wait().unwrap();
        assert!(seen > 0, "the victim wrote");
        let store = Store::open(&path, &key(1)).unwrap();
        kept = store.scan(b"").unwrap().len() as u64;
        assert!(
            kept >= reported,
            "round {round}: {kept} kept, {reported} reported"
        );
        for number in 1..=kept {
            assert!(
                store.get(&number.to_be_bytes()).unwrap().is_some(),
                "no gaps: {number}"
            );
        }
    }
}

fn write_until_killed(path: &Path) -> ! {
    let store = Store::open(path, &key(1)).unwrap();
    let first = store.scan(b"").unwrap().len() as u64 + 1;
    let queue = CommitQueue::start(store, |report| {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "reported {}", report.unwrap().0).unwrap();
    });
    for number in first.. {
        queue.push(
            CommitId(number),
            vec![put(&number.to_be_bytes(), &[7; 3000])],
        );
        if number % 8 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    unreachable!("it is killed")
}

#[test]
fn a_scan_gives_its_prefix_and_nothing_else_in_byte_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(&folder.path().join("store.redb"), &key(1)).unwrap();
    let all = [
        put(b"b", b"0"),
        put(b"a\xff\xff", b"3"),
        put(b"a", b"1"),
        put(b"a\x00", b"2"),
    ];
    commit(&store, &all).unwrap();
    let keys = |prefix: &[u8]| -> Vec<_> {
        store
            .scan(prefix)
            .unwrap()
            .into_iter()
            .map(|(key, _)| key)
            .collect()
    };
    assert_eq!(keys(b"a"), [b"a".as_slice(), b"a\x00", b"a\xff\xff"]);
    assert_eq!(keys(b"a\xff"), [b"a\xff\xff"]);
    assert_eq!(keys(b"").len(), 4);
    assert_eq!(keys(b"c").len(), 0);
}

#[test]
fn no_plain_value_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    {
        let store = Store::create(&path, &key(1)).unwrap();
        commit(&store, &[put(b"k", b"rue des Tilleuls")]).unwrap();
    }
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"Tilleuls"));
}

#[test]
fn another_key_a_wrong_file_and_an_open_store_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let store = Store::create(&path, &key(1)).unwrap();
    assert!(matches!(
        Store::open(&path, &key(1)),
        Err(OpenError::InUse { .. })
    ));
    drop(store);
    assert!(matches!(
        Store::open(&path, &key(2)),
        Err(OpenError::WrongKey { .. })
    ));
    std::fs::write(&path, "no store at all").unwrap();
    let error = Store::open(&path, &key(1)).unwrap_err();
    assert!(
        matches!(error, OpenError::Damaged { .. } | OpenError::Io { .. }),
        "{error:?}"
    );
    assert!(matches!(
        Store::open(&folder.path().join("x"), &key(1)),
        Err(OpenError::Io { .. })
    ));
}

#[test]
fn a_value_that_was_moved_to_another_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(&folder.path().join("store.redb"), &key(1)).unwrap();
    commit(&store, &[put(b"mine", b"1"), put(b"other", b"2")]).unwrap();
    let transaction = store.database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(VALUES).unwrap();
        let other = redb::ReadableTable::get(&table, b"other".as_slice())
            .unwrap()
            .unwrap()
            .value()
            .to_vec();
        table.insert(b"mine".as_slice(), other.as_slice()).unwrap();
        table.insert(b"short".as_slice(), b"x".as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    assert!(store.get(b"mine").is_err());
    assert!(store.get(b"short").is_err());
    assert_eq!(store.get(b"other").unwrap(), Some(b"2".to_vec()));
}

/// What a queue reported, in order.
type Reports = Arc<Mutex<Vec<Result<CommitId, CommitError>>>>;

fn queue(store: &Store) -> (CommitQueue, Reports) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let sink = reports.clone();
    let queue = CommitQueue::start(store.clone(), move |report| {
        sink.lock().unwrap().push(report)
    });
    (queue, reports)
}

#[test]
fn batches_become_durable_in_order_and_the_last_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(&folder.path().join("store.redb"), &key(1)).unwrap();
    let (queue, reports) = queue(&store);
    for number in 1..=200_u64 {
        queue.push(CommitId(number), vec![put(b"n", &number.to_be_bytes())]);
    }
    drop(queue);
    let reports = reports.lock().unwrap();
    let ids: Vec<u64> = reports
        .iter()
        .map(|report| report.as_ref().unwrap().0)
        .collect();
    assert!(ids.is_sorted(), "{ids:?}");
    assert_eq!(ids.last(), Some(&200));
    assert_eq!(
        store.get(b"n").unwrap(),
        Some(200_u64.to_be_bytes().to_vec())
    );
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that was left out says so")]
fn a_full_disk_is_told_and_what_was_durable_stays() {
    let Some(disk) = SmallDisk::new(8) else {
        eprintln!("left out: this process may not mount a small disk");
        return;
    };
    let path = disk.path().join("store.redb");
    let store = Store::create(&path, &key(1)).unwrap();
    let (queue, reports) = queue(&store);
    for number in 1..=64_u64 {
        let noise = vec![put(&number.to_be_bytes(), &[7; 256 << 10])];
        queue.push(CommitId(number), noise);
    }
    drop(queue);
    let reports = Arc::into_inner(reports).unwrap().into_inner().unwrap();
    let (last, before) = reports.split_last().unwrap();
    assert_eq!(*last, Err(CommitError::Full));
    let durable = before
        .iter()
        .map(|report| report.as_ref().unwrap().0)
        .max()
        .unwrap_or(0);
    drop(store);

    let store = Store::open(&path, &key(1)).unwrap();
    for number in 1..=64_u64 {
        let found = store.get(&number.to_be_bytes()).unwrap().is_some();
        assert_eq!(
            found,
            number <= durable,
            "batch {number}, durable up to {durable}"
        );
    }
}
