//! Servers of the shop on the nodes of a Galera cluster, each on a node of its own.

use crate::client::{bounded, clients, page, readiness};
use crate::paying::{KEY, assert_audited};
use domain::error::ErrorCode;
use fake_servers::midtrans::Midtrans;
use fake_servers::smtp::Smtp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::binary::{Addresses, Process};
use testkit::client::{CallError, LoggedIn, Outcome, PASSWORD, Payment, ShopClient, ada, teapot};
use testkit::database::{self, DatabaseKind};
use testkit::database_server::GaleraCluster;
use testkit::world::wait_until;
use tokio::task::JoinSet;

const TIME_LIMIT: Duration = Duration::from_secs(400);
const SOON: Duration = Duration::from_secs(120);
const BUYERS: usize = 90;
const PIECES: i32 = 40;
/// How long a node does not apply what the others have committed, while it is asked for that.
const LATE: Duration = Duration::from_millis(700);

/// A cluster, the systems that all servers of the shop call, and a server on each node.
struct Shop {
    cluster: GaleraCluster,
    gateway: Midtrans,
    mail: Smtp,
    servers: Vec<Process>,
    addresses: Vec<Addresses>,
}

impl Shop {
    /// Migrates on all nodes at once.
    fn open() -> Result<Self, String> {
        if !cfg!(feature = "mysql") {
            return Err("built without the feature for mariadb".to_owned());
        }
        let cluster = GaleraCluster::start()?;
        let migrate = |url: String| Process::spawn(&["migrate", "--env", "test"], &[("database.url", &url)], &[]);
        let mut migrations: Vec<_> = cluster.nodes.iter().map(|node| migrate(node.url())).collect();
        for migration in &mut migrations {
            assert_eq!(migration.exit_code(SOON), Some(0), "{}", migration.output());
        }
        let (gateway, mail) = (Midtrans::start(KEY), Smtp::start());
        let mut servers: Vec<_> =
            cluster.nodes.iter().map(|node| serve(&node.url(), &gateway.url(), &mail.url())).collect();
        let addresses = servers.iter_mut().map(Process::addresses).collect();
        Ok(Self { cluster, gateway, mail, servers, addresses })
    }

    /// A client of the server on a node, over one protocol or the other.
    fn client(&self, number: usize) -> Arc<dyn ShopClient> {
        let node = number % self.addresses.len();
        Arc::clone(&clients(self.addresses[node])[number / self.addresses.len() % 2])
    }

    fn audit(&self) {
        for node in &self.cluster.nodes {
            assert_audited(&node.url(), "file://images", None);
        }
    }

    fn texts(&self, node: usize, sql: &str) -> Vec<String> {
        database::texts(DatabaseKind::Mariadb, &self.cluster.nodes[node].url(), sql)
    }

    fn output(&self) -> String {
        self.servers.iter().map(Process::output).collect()
    }

    /// How many transactions the cluster undid, with this outcome, on all servers.
    async fn undone(&self, outcome: &str) -> u64 {
        let start = format!("gocommerce_database_undone_total{{outcome=\"{outcome}\"}} ");
        let mut sum = 0;
        for addresses in &self.addresses {
            let text = page(addresses.ops, "/metrics").await.body;
            let count = text.lines().find_map(|line| line.strip_prefix(&*start));
            sum += count.unwrap_or_else(|| panic!("{text}")).parse::<u64>().unwrap();
        }
        sum
    }
}

fn serve(database: &str, gateway: &str, mail: &str) -> Process {
    Process::serve(&[
        ("database.url", database),
        ("payment.gateway", "midtrans"),
        ("midtrans.snap_url", gateway),
        ("midtrans.api_url", gateway),
        ("midtrans.server_key", KEY),
        ("mail.transport", "smtp"),
        ("mail.url", mail),
        ("rate_limit.enabled", "false"),
    ])
}

/// Whether the same order may be sent again. The one before it may still be at work.
fn is_temporary(refused: &CallError) -> bool {
    matches!(refused.code, ErrorCode::Unavailable | ErrorCode::DeadlineExceeded | ErrorCode::IdempotencyKeyInUse)
}

/// Orders a piece, again and again while the service is unavailable. Returns how often it was.
async fn order(client: &dyn ShopClient, product: &str) -> (Outcome<Payment>, usize) {
    let begun = Instant::now();
    let mut refusals = 0;
    loop {
        match client.order(product, 1).await {
            Err(refused) if is_temporary(&refused) && begun.elapsed() < SOON => refusals += 1,
            outcome => return (outcome, refusals),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// An account that is made on one node and logs in on the next.
async fn account(shop: &Shop, number: usize, role: &str) -> LoggedIn {
    let email = format!("{role}{number}@example.com");
    shop.client(number).register(&ada().role(role).email(&email)).await.unwrap();
    shop.client(number + 1).login(&email, PASSWORD).await.unwrap()
}

/// What is committed on one node is read on another, which has not applied it yet.
async fn assert_that_own_writes_are_read_on_a_late_node(shop: &Shop) {
    let form = ada().email("late@example.com");
    let hold = database::hold(DatabaseKind::Mariadb, &shop.cluster.nodes[1].url(), "FLUSH TABLES WITH READ LOCK");
    clients(shop.addresses[0])[0].register(&form).await.unwrap();
    let [rest, grpc] = clients(shop.addresses[1]);
    let release = async {
        tokio::time::sleep(LATE).await;
        drop(hold);
    };
    let (rest, grpc, ()) = tokio::join!(rest.login(&form.email, PASSWORD), grpc.login(&form.email, PASSWORD), release);
    rest.and(grpc).unwrap();
}

async fn offer(shop: &Shop, number: usize, pieces: i32) -> String {
    let seller = account(shop, number, "seller").await;
    let form = teapot().price("10000").stock(pieces);
    shop.client(number + 2).with_authorization(&seller.token).create(&form).await.unwrap().id
}

/// Buyers on all nodes want more pieces of one product than there are.
async fn assert_that_exactly_the_pieces_are_sold(shop: &Shop) -> Vec<Payment> {
    let product = offer(shop, 0, PIECES).await;
    let mut ready = Vec::new();
    for number in 0..BUYERS {
        let token = account(shop, number, "buyer").await.token;
        let client = shop.client(number + 2).with_authorization(&token);
        ready.push(client.with_idempotency_key(&format!("order-{number}")));
    }
    let mut buyers = JoinSet::new();
    for client in ready {
        let product = product.clone();
        buyers.spawn(async move { order(&*client, &product).await });
    }
    let answers = buyers.join_all().await;
    let refusals: usize = answers.iter().map(|(_, refusals)| refusals).sum();
    let (sold, refused): (Vec<_>, Vec<_>) = answers.into_iter().map(|(outcome, _)| outcome).partition(Outcome::is_ok);
    for refused in refused.into_iter().map(Result::unwrap_err) {
        assert_eq!(refused.code, ErrorCode::InsufficientStock, "{refused:?}\n{}", shop.output());
    }
    let sold: Vec<_> = sold.into_iter().map(Result::unwrap).collect();
    let numbers: BTreeSet<_> = sold.iter().map(|payment| payment.id.clone()).collect();
    assert_eq!((sold.len(), numbers.len()), (PIECES.unsigned_abs() as usize, PIECES.unsigned_abs() as usize));
    for addresses in &shop.addresses {
        assert_eq!(clients(*addresses)[1].product(&product).await.unwrap().stock, 0);
    }
    let (retried, given_up) = (shop.undone("retried").await, shop.undone("given_up").await);
    println!("galera: {refusals} orders to repeat; {retried} transactions run again, {given_up} given up");
    assert!(retried >= 1, "no transaction met another");
    sold
}

/// The gateway tells two servers of each payment at once.
async fn assert_that_each_mail_is_sent_once(shop: &Shop, payments: &[Payment]) {
    for (number, payment) in payments.iter().enumerate() {
        shop.gateway.pay(&payment.id, "qris");
        let notification = shop.gateway.notification(&payment.id);
        let webhook = |number: usize| {
            format!("http://{}/payments/midtrans/webhook", shop.addresses[number % shop.addresses.len()].rest)
        };
        let (here, there) = (webhook(number), webhook(number + 1));
        let told =
            tokio::join!(shop.gateway.post_to(&here, &notification), shop.gateway.post_to(&there, &notification));
        assert_eq!(told, (Some(200), Some(200)), "{}", shop.output());
    }
    let unpaid = "SELECT id AS value FROM payments WHERE state <> 'success'";
    wait_until("all payments are paid", SOON, async || shop.texts(0, unpaid).is_empty()).await;
    // To the buyer at the order, to buyer and seller at the payment.
    let mails = payments.len() * 3;
    let sent = "SELECT id AS value FROM mails WHERE state = 'sent'";
    wait_until("all mails are sent", SOON, async || shop.texts(1, sent).len() == mails).await;
    let sent = shop.mail.count_by_message_id();
    assert_eq!(sent.len(), mails);
    let twice: Vec<_> = sent.into_iter().filter(|(_, copies)| *copies > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// Orders again and again, on two nodes over both protocols.
struct Buyers {
    tasks: JoinSet<Vec<Payment>>,
    is_over: Arc<AtomicBool>,
    sold: Arc<AtomicUsize>,
}

impl Buyers {
    async fn begin(shop: &Shop, product: &str) -> Self {
        let (is_over, sold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for number in [0, 1, 3, 4] {
            let token = account(shop, number + BUYERS, "buyer").await.token;
            let client = shop.client(number).with_authorization(&token);
            let (product, is_over, sold) = (product.to_owned(), Arc::clone(&is_over), Arc::clone(&sold));
            tasks.spawn(async move {
                let mut payments = Vec::new();
                while !is_over.load(Ordering::SeqCst) {
                    let client = client.with_idempotency_key(&format!("again-{}", payments.len()));
                    let (order, _) = order(&*client, &product).await;
                    payments.push(order.unwrap());
                    sold.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                payments
            });
        }
        Self { tasks, is_over, sold }
    }

    /// Waits until more is sold, by each of them about.
    async fn go_on(&self) {
        let wanted = self.sold.load(Ordering::SeqCst) + 20;
        wait_until("pieces are sold", SOON, async || self.sold.load(Ordering::SeqCst) >= wanted).await;
    }

    async fn end(self) -> Vec<Payment> {
        self.is_over.store(true, Ordering::SeqCst);
        self.tasks.join_all().await.into_iter().flatten().collect()
    }
}

async fn assert_that_a_node_may_die(shop: &mut Shop) {
    let product = offer(shop, 1, 100_000).await;
    let buyers = Buyers::begin(shop, &product).await;
    buyers.go_on().await;
    shop.cluster.nodes[2].crash();
    let told = readiness(shop.addresses[2].ops, 503, SOON).await;
    assert!(told.contains("database"), "{told}");
    buyers.go_on().await;
    for addresses in &shop.addresses[..2] {
        readiness(addresses.ops, 200, SOON).await;
    }
    shop.cluster.nodes[2].resume();
    readiness(shop.addresses[2].ops, 200, SOON).await;
    buyers.go_on().await;
    let sold = buyers.end().await;
    let made: BTreeSet<_> = sold.iter().map(|payment| payment.id.as_str()).collect();
    assert_eq!(made.len(), sold.len(), "each order was made once");
    let buyer = account(shop, 2 * BUYERS, "buyer").await;
    for client in clients(shop.addresses[2]) {
        let client = client.with_authorization(&buyer.token).with_idempotency_key(&uuid::Uuid::now_v7().to_string());
        order(&*client, &product).await.0.unwrap();
    }
    let stored: BTreeSet<_> = shop
        .texts(2, &format!("SELECT id AS value FROM payments WHERE product_id = '{product}'"))
        .into_iter()
        .collect();
    assert!(made.iter().all(|id| stored.contains(*id)), "an order that was confirmed is lost");
    assert_eq!(stored.len(), sold.len() + 2, "an order was made without a confirmation");
}

pub(crate) fn servers_on_three_nodes_sell_each_piece_once_and_go_on_without_a_node() -> Result<(), String> {
    let mut shop = Shop::open()?;
    bounded(TIME_LIMIT, async {
        for addresses in &shop.addresses {
            readiness(addresses.ops, 200, SOON).await;
        }
        assert_that_own_writes_are_read_on_a_late_node(&shop).await;
        let sold = assert_that_exactly_the_pieces_are_sold(&shop).await;
        assert_that_each_mail_is_sent_once(&shop, &sold).await;
        shop.audit();
        assert_that_a_node_may_die(&mut shop).await;
        shop.audit();
    })
}
