//! A small file system that a test may fill, in a mount namespace of its own: it is gone with the processes that use it.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Mounts, tells so, and keeps the namespace until its input ends, which it does with the test.
const HOLD: &str = r#"mount -t tmpfs -o "size=$1,mode=1777" tmpfs "$2" && echo mounted && exec cat"#;

pub struct SmallDisk {
    holder: Child,
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts a file system of this size, such as `32m`; fails with the reason where this machine lets nobody mount.
    pub fn mount(size: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        std::fs::create_dir(&path).unwrap();
        // Servers that run as another user have to pass through it.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut holder = Command::new("unshare");
        holder.args(["--mount", "--", "sh", "-c", HOLD, "sh", size]).arg(&path);
        holder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder = holder.spawn().map_err(|error| format!("unshare: {error}"))?;
        let mut told = String::new();
        BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut told).unwrap();
        if told.is_empty() {
            let output = holder.wait_with_output().unwrap();
            return Err(format!("nothing can be mounted: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(Self { holder, folder })
    }

    /// The folder, as processes see it that run on this file system.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// A command that runs in a folder and finds the file system at its path.
    pub(crate) fn command(&self, program: &Path, folder: &Path) -> Command {
        // Its whole path, because a process of the product has no variable to find it by.
        let mut command = Command::new("/usr/bin/nsenter");
        command.arg(format!("--target={}", self.holder.id())).arg("--mount");
        command.arg(format!("--wdns={}", folder.display())).arg("--").arg(program);
        command
    }

    fn filler(&self) -> PathBuf {
        let path = self.path();
        let inside = path.strip_prefix("/").unwrap();
        Path::new(&format!("/proc/{}/root", self.holder.id())).join(inside).join("filler")
    }

    /// Leaves no room.
    pub fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.filler()).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            let piece = vec![b'x'; size];
            let error = loop {
                if let Err(error) = file.write_all(&piece) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        }
    }

    /// Removes what [`fill`](Self::fill) has written.
    pub fn make_room(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
