//! A cluster of MariaDB servers that replicate to each other by Galera: a transaction may be refused at its commit, because
//! another node has changed the same row.

use super::{DatabaseServer, port, program};
use crate::database::DatabaseKind;
use std::path::{Path, PathBuf};

const NODES: usize = 3;

const PROVIDERS: [&str; 2] = ["/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so"];

/// Copy all data of a node to another one.
const SCRIPTS: [&str; 2] = ["wsrep_sst_rsync", "wsrep_sst_common"];

/// What a node answers once it has all data. Until then it refuses each query of a table.
const PROBE: &str = "SELECT COUNT(*) FROM mysql.user";

/// A cluster of three nodes.
pub struct GaleraCluster {
    pub nodes: Vec<DatabaseServer>,
}

/// What the nodes need besides MariaDB's server.
struct Parts {
    provider: PathBuf,
    /// The folder of the scripts that copy a node's data to a new one.
    scripts: PathBuf,
}

impl Parts {
    fn find() -> Result<Self, String> {
        let provider = PROVIDERS.iter().map(PathBuf::from).find(|path| path.is_file());
        let provider = provider.ok_or("libgalera_smm.so is not on this machine")?;
        program("rsync")?;
        Ok(Self { provider, scripts: scripts()? })
    }
}

/// Of the system's own package, or of what `scripts/install-packages galera` has unpacked beside the tests.
fn scripts() -> Result<PathBuf, String> {
    let test = std::env::current_exe().unwrap();
    let unpacked = test.ancestors().nth(3).unwrap().join("galera/usr/bin/wsrep_sst_rsync");
    let script =
        program("wsrep_sst_rsync").or_else(|told| if unpacked.is_file() { Ok(unpacked) } else { Err(told) })?;
    Ok(script.parent().unwrap().to_owned())
}

/// The ports of a node's part of the cluster.
struct Ports {
    group: u16,
    /// For the changes that a node has missed.
    changes: u16,
    /// For a copy of all data.
    copy: u16,
}

impl Ports {
    fn free() -> Self {
        Self { group: port::free(), changes: port::free(), copy: port::free() }
    }

    fn arguments(&self, parts: &Parts) -> Vec<String> {
        let Self { group, changes, copy } = self;
        let provider = format!(
            "base_port={group};gmcast.listen_addr=tcp://127.0.0.1:{group};ist.recv_addr=127.0.0.1:{changes};gcache.size=64M"
        );
        vec![
            "--binlog-format=ROW".to_owned(),
            "--innodb-autoinc-lock-mode=2".to_owned(),
            "--innodb-buffer-pool-size=32M".to_owned(),
            "--innodb-log-file-size=16M".to_owned(),
            "--wsrep-on=ON".to_owned(),
            format!("--wsrep-provider={}", parts.provider.display()),
            format!("--wsrep-provider-options={provider}"),
            format!("--wsrep-node-address=127.0.0.1:{group}"),
            "--wsrep-sst-method=rsync".to_owned(),
            format!("--wsrep-sst-receive-address=127.0.0.1:{copy}"),
        ]
    }
}

impl GaleraCluster {
    /// Installs and starts a cluster with an empty database; fails with the reason if this machine lacks the programs.
    pub fn start() -> Result<Self, String> {
        let parts = Parts::find()?;
        let ports: Vec<_> = (0..NODES).map(|_| Ports::free()).collect();
        let name = format!("--wsrep-cluster-name=shop-{}", ports[0].group);
        let address = |ports: &[Ports]| {
            let all: Vec<_> = ports.iter().map(|ports| format!("127.0.0.1:{}", ports.group)).collect();
            format!("--wsrep-cluster-address=gcomm://{}", all.join(","))
        };
        let mut nodes: Vec<DatabaseServer> = Vec::with_capacity(NODES);
        for own in &ports {
            let mut node = DatabaseServer::make(DatabaseKind::Mariadb, own.arguments(&parts))?;
            node.probe = PROBE;
            // A daemon of rsync that root starts is not root and could not write.
            node.owner = Some("nobody");
            node.add_to_path(&parts.scripts);
            node.arguments.push(name.clone());
            if nodes.is_empty() {
                node.install();
                node.arguments.extend(["--wsrep-new-cluster".to_owned(), address(&[])]);
                node.resume();
                node.execute_as_root("CREATE DATABASE shop");
                // When it comes back, it joins the others.
                node.arguments.truncate(node.arguments.len() - 2);
                node.arguments.push(address(&ports));
            } else {
                std::fs::create_dir(node.data()).unwrap();
                node.give_folder_away();
                node.arguments.push(address(&ports));
                node.resume();
            }
            nodes.push(node);
        }
        Ok(Self { nodes })
    }
}

impl DatabaseServer {
    /// Puts the scripts where the server's user may read them.
    fn add_to_path(&mut self, scripts: &Path) {
        let folder = self.folder.path().join("scripts");
        std::fs::create_dir(&folder).unwrap();
        for script in SCRIPTS {
            std::fs::copy(scripts.join(script), folder.join(script)).unwrap();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        self.path = Some(std::env::join_paths(std::env::split_paths(&path).chain([folder])).unwrap());
    }
}
