use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tokio::time::timeout;

use super::*;
use crate::keystore::CreateOptions;

fn home(path: &Path) -> HomeDir {
    keystore::create(path, CreateOptions::default())
        .unwrap()
        .home
}

async fn daemon(home: &HomeDir) -> Node {
    Node::start(home, keystore::open(home, None).unwrap(), Mode::Daemon)
        .await
        .unwrap()
}

async fn client(home: &HomeDir) -> Client {
    Client::connect(home).await.unwrap().expect("a node runs")
}

async fn person_of(session: &mut Session) -> String {
    match session.call(Command::Status).await.unwrap() {
        Done::Status(status) => status.person.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Sends bytes and returns what comes back until the end.
async fn raw(home: &HomeDir, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(home.socket_path()).await.unwrap();
    let _ = stream.write_all(bytes).await; // it may be closed before all is read
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = timeout(Duration::from_secs(30), read)
        .await
        .expect("it ends");
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_the_same_with_a_running_node_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(&folder.path().join("home"));
    let mut local = Session::open(&home, None).await.unwrap();
    assert!(!local.is_remote());
    let person = person_of(&mut local).await;
    local.close().await;

    let node = daemon(&home).await;
    assert_eq!(
        fs::metadata(home.socket_path()).unwrap().mode() & 0o777,
        0o600
    );
    let mut remote = Session::open(&home, None).await.unwrap();
    assert!(remote.is_remote());
    assert_eq!(person_of(&mut remote).await, person);
    assert_eq!(
        person_of(&mut remote).await,
        person,
        "one connection, several commands"
    );
    let revoke = Command::ShareRevoke {
        share: "nobody".to_owned(),
    };
    let error = remote.call(revoke).await.unwrap_err();
    assert!(
        matches!(error, CallError::Command(CommandError::UnknownShare { .. })),
        "{error}"
    );
    node.shutdown().await;
    assert!(!home.socket_path().exists());
    let error = remote.call(Command::Status).await.unwrap_err();
    assert!(matches!(error, CallError::Lost { .. }), "{error}");
    Session::open(&home, None).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_home_needs_its_passphrase_only_when_no_node_runs() {
    let folder = tempfile::tempdir().unwrap();
    let passphrase = Passphrase::new("soleil");
    let options = CreateOptions {
        passphrase: Some(passphrase.clone()),
        ..Default::default()
    };
    let home = keystore::create(folder.path().join("home"), options)
        .unwrap()
        .home;
    let error = Session::open(&home, None).await.unwrap_err();
    assert!(
        matches!(error, SessionError::Key(KeyError::NeedsPassphrase { .. })),
        "{error}"
    );
    Session::open(&home, Some(&passphrase))
        .await
        .unwrap()
        .close()
        .await;
    let keys = keystore::open(&home, Some(&passphrase)).unwrap();
    let node = Node::start(&home, keys, Mode::Daemon).await.unwrap();
    assert!(Session::open(&home, None).await.unwrap().is_remote());
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_at_the_same_time_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(&folder.path().join("home"));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let home = home.clone();
        tasks.push(tokio::spawn(async move {
            let mut session = Session::open(&home, None).await.unwrap();
            let person = person_of(&mut session).await;
            session.close().await;
            person
        }));
    }
    let mut people = std::collections::BTreeSet::new();
    for task in tasks {
        people.insert(task.await.unwrap());
    }
    assert_eq!(people.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_a_killed_node_left_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(&folder.path().join("home"));
    drop(std::os::unix::net::UnixListener::bind(home.socket_path()).unwrap());
    assert!(home.socket_path().exists());
    Session::open(&home, None).await.unwrap().close().await;
    let node = daemon(&home).await;
    client(&home).await.call(Command::Status).await.unwrap();
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_lies_deep_has_its_socket_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(&folder.path().join("a-long-name/".repeat(20)));
    assert!(home.socket_path().as_os_str().len() > 200);
    let node = daemon(&home).await;
    client(&home).await.call(Command::Status).await.unwrap();
    assert!(home.socket_path().exists());
    node.shutdown().await;
    assert!(!home.socket_path().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_and_the_node_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(&folder.path().join("home"));
    let node = daemon(&home).await;
    for bad in [
        &b"hello\n"[..],
        b"{}\n",
        b"{\"version\":1}\n",
        b"{\"version\":1,\"command\":{\"command\":\"no-such\"}}\n",
        b"{\"version\":2,\"command\":{\"command\":\"status\"}}\n",
        b"\xff\xfe\n",
        b"\n",
    ] {
        let answer = raw(&home, bad).await;
        assert!(answer.contains("\"refused\":"), "{answer}");
    }
    assert!(
        raw(&home, b"{\"version\":2}\n")
            .await
            .contains("this node speaks 1")
    );
    assert_eq!(raw(&home, b"{\"version\":1,").await, "", "cut short");
    let endless = vec![b'x'; LINE_BYTES_MAX + 2];
    assert_eq!(raw(&home, &endless).await, "", "too long");
    let twice = b"{\"version\":1,\"command\":{\"command\":\"status\"}}\n".repeat(2);
    assert_eq!(
        raw(&home, &twice)
            .await
            .matches("{\"version\":1,\"done\":")
            .count(),
        2
    );
    node.shutdown().await;
}

#[tokio::test]
async fn a_line_may_have_its_most_and_not_one_byte_more() {
    let read = |bytes: &'static [u8]| async move { read_line(&mut &bytes[..], 4).await };
    assert_eq!(read(b"four\n").await.unwrap().unwrap(), b"four");
    assert_eq!(read(b"").await.unwrap(), None);
    assert_eq!(
        read(b"fiver\n").await.unwrap_err().kind(),
        io::ErrorKind::InvalidData
    );
    assert_eq!(
        read(b"end").await.unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_hears_until_the_node_ends() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(&folder.path().join("home"));
    let node = daemon(&home).await;
    let mut watch = client(&home).await.watch().await.unwrap();
    client(&home).await.call(Command::Status).await.unwrap();
    node.shutdown().await;
    let end = timeout(Duration::from_secs(30), watch.next())
        .await
        .expect("it ends");
    assert!(matches!(end, Err(CallError::Lost { .. })), "{end:?}");
}
