//! Connections to Graph: kept, bounded, and made anew when Graph has closed a kept one.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::graph::Cause;

/// Serves leads over connections that stay open, and knows how many requests came over each.
struct Keeper {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<usize>>>,
    _tasks: JoinSet<()>,
}

impl Keeper {
    /// Closes a connection at its n-th request, before a byte of the answer, where `closes(connection, n)` says so.
    async fn start(closes: fn(usize, usize) -> bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut seen = seen.lock().expect("not poisoned");
                    seen.push(0);
                    seen.len() - 1
                };
                connections.spawn(serve(stream, number, Arc::clone(&seen), closes));
            }
        });
        Self { address, requests, _tasks: tasks }
    }

    /// How many requests came over each connection.
    fn requests(&self) -> Vec<usize> {
        self.requests.lock().expect("not poisoned").clone()
    }

    async fn world(&self) -> World {
        let url = format!("http://{}", self.address);
        World::with(|settings| settings.url = url, |call, _| well(call)).await
    }
}

async fn serve(
    mut stream: TcpStream,
    number: usize,
    seen: Arc<Mutex<Vec<usize>>>,
    closes: fn(usize, usize) -> bool,
) {
    let mut chunk = vec![0; 16 * 1024];
    // A request comes in one piece over loopback.
    while let Ok(read) = stream.read(&mut chunk).await {
        let head = String::from_utf8_lossy(&chunk[..read]).into_owned();
        let Some(target) = head.split(' ').nth(1) else { return };
        let nth = {
            let mut seen = seen.lock().expect("not poisoned");
            seen[number] += 1;
            seen[number]
        };
        if closes(number, nth) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        let body = lead(&Call { target: target.to_owned(), head: String::new() }.id());
        let answer = format!("HTTP/1.1 200 x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn calls_share_as_many_connections_as_may_be_in_flight() {
    let keeper = Keeper::start(|_, _| false).await;
    let world = keeper.world().await;
    assert_eq!(world.read(&leads(60)).await.replies, 60);
    let requests = keeper.requests();
    assert!(requests.len() <= 8, "{requests:?}");
    assert_eq!(requests.iter().sum::<usize>(), 60);
}

#[tokio::test]
async fn a_kept_connection_that_graph_closes_costs_no_attempt() {
    // The first connection takes three requests and closes at the fourth.
    let keeper = Keeper::start(|connection, nth| connection == 0 && nth == 4).await;
    let world = keeper.world().await;
    for id in &leads(6) {
        assert_eq!(world.read(&[*id]).await.replies, 1);
    }
    let requests = keeper.requests();
    assert_eq!(requests[..2], [4, 1], "the fourth was made once more: {requests:?}");
    assert!(world.graph.paused().is_empty());
}

#[tokio::test]
async fn a_new_connection_that_graph_closes_is_not_tried_again_within_the_call() {
    let keeper = Keeper::start(|_, _| true).await;
    let world = keeper.world().await;
    let read = world.read(&leads(1)).await;
    assert_eq!((read.failed[0].1.cause, keeper.requests().len()), (Cause::Broken, 1));
}

#[tokio::test]
async fn what_is_made_once_more_is_not_made_a_third_time() {
    // Only the first answer of the first connection is one.
    let keeper = Keeper::start(|connection, nth| (connection, nth) != (0, 1)).await;
    let world = keeper.world().await;
    assert_eq!(world.read(&leads(1)).await.replies, 1);
    let read = world.read(&leads(1)).await;
    assert_eq!((read.failed[0].1.cause, keeper.requests()), (Cause::Broken, vec![2, 1]));
}
