//! Replicas of a database server that a test may delay and pause, by the means of the database itself: PostgreSQL's streaming
//! replication, MariaDB's with GTIDs.

use super::{DatabaseServer, run};
use crate::database::DatabaseKind;
use std::time::Duration;

/// What a MariaDB server needs to be replicated; PostgreSQL needs nothing.
fn replication_options(kind: DatabaseKind, server: u32) -> Vec<String> {
    match kind {
        DatabaseKind::Mariadb => {
            vec![format!("--server-id={server}"), "--log-bin=binlog".to_owned(), "--relay-log-recovery=ON".to_owned()]
        }
        DatabaseKind::Sqlite | DatabaseKind::Postgres | DatabaseKind::Mysql => Vec::new(),
    }
}

impl DatabaseServer {
    /// Installs and starts a server that can have a replica; fails with the reason if this machine lacks the programs.
    pub fn start_primary(kind: DatabaseKind) -> Result<Self, String> {
        if kind == DatabaseKind::Mysql {
            return Err("no test replicates MySQL".to_owned());
        }
        Self::start_as(kind, replication_options(kind, 1))
    }

    /// Starts a replica of this server, which follows it from now on.
    pub fn start_replica(&self) -> Result<Self, String> {
        let mut replica = Self::make(self.kind, replication_options(self.kind, 2))?;
        if self.kind == DatabaseKind::Postgres {
            // Debian's own on the path chooses among versions by the name that it is started under.
            let backup = replica.programs.serve.with_file_name("pg_basebackup");
            replica.give_folder_away();
            let mut backup = replica.as_owner(&backup);
            backup.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--host=127.0.0.1"]);
            backup.args(["--username=postgres", &format!("--port={}", self.port), "--pgdata"]).arg(replica.data());
            run(&mut backup);
            replica.resume();
        } else {
            replica.install();
            replica.resume();
            replica.execute_as_root(&format!(
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = 'root', MASTER_PASSWORD = '', \
                 MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos",
                self.port
            ));
            replica.execute_as_root("START SLAVE");
        }
        Ok(replica)
    }

    /// Has the replica apply each transaction only this long after its commit.
    pub fn delay_replay(&self, delay: Duration) {
        let seconds = delay.as_secs();
        match self.kind {
            DatabaseKind::Mariadb | DatabaseKind::Mysql => {
                self.execute_as_root("STOP SLAVE");
                self.execute_as_root(&format!("CHANGE MASTER TO MASTER_DELAY = {seconds}"));
                self.execute_as_root("START SLAVE");
            }
            DatabaseKind::Sqlite | DatabaseKind::Postgres => {
                self.execute_as_root(&format!("ALTER SYSTEM SET recovery_min_apply_delay = '{seconds}s'"));
                self.execute_as_root("SELECT pg_reload_conf()");
            }
        }
    }

    /// Has the replica apply nothing more.
    pub fn pause_replay(&self) {
        self.execute_as_root(match self.kind {
            DatabaseKind::Mariadb | DatabaseKind::Mysql => "STOP SLAVE SQL_THREAD",
            DatabaseKind::Sqlite | DatabaseKind::Postgres => "SELECT pg_wal_replay_pause()",
        });
    }

    /// Has the replica apply what has come meanwhile, and go on.
    pub fn resume_replay(&self) {
        self.execute_as_root(match self.kind {
            DatabaseKind::Mariadb | DatabaseKind::Mysql => "START SLAVE SQL_THREAD",
            DatabaseKind::Sqlite | DatabaseKind::Postgres => "SELECT pg_wal_replay_resume()",
        });
    }
}
