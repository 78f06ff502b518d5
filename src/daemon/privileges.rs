//! Gives up what the daemon needs no more once its interfaces and its port are open.
//!
//! Of the capabilities only CAP_NET_RAW stays, without which an interface that went away could not be opened again; as root
//! without `--user` CAP_DAC_OVERRIDE too, or the database could stand in nobody else's folder. Nothing gives new privileges
//! (no_new_privs), files are written only where the database and the events are (Landlock), and system calls that no part of
//! this program makes are refused (seccomp). Linux keeps all this by thread: it must come before the first one is started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use landlock::{ABI, AccessFs, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, path_beneath_rules};
use rustix::process::{Gid, Uid, getuid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// The newest Landlock that is asked for; an older kernel enforces what it knows.
const LANDLOCK: ABI = ABI::V5;

/// What programs that take over a daemon ask the kernel for, and this one never does.
const REFUSED_CALLS: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_io_uring_setup,
    libc::SYS_mknodat,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_open_by_handle_at,
];

/// Drops them. What stands then, for a person.
///
/// # Errors
/// The user is not there, or cannot be become: going on as root would not be what was asked for.
pub(super) fn drop_all(user: Option<&str>, folders: &BTreeSet<PathBuf>) -> Result<String, String> {
    let mut told = Vec::new();
    let is_root = getuid().is_root();
    rustix::thread::set_no_new_privs(true).map_err(|e| format!("no_new_privs: {e}"))?;
    for capability in (CapabilitySet::all() - CapabilitySet::NET_RAW).iter() {
        // Without CAP_SETPCAP the bounding set stays; with no_new_privs nothing can be gained from it.
        if rustix::thread::remove_capability_from_bounding_set(capability).is_err() {
            break;
        }
    }
    let mut kept = CapabilitySet::NET_RAW;
    match user {
        Some(name) if is_root => {
            become_user(name)?;
            told.push(format!("user {name}"));
        }
        Some(name) => return Err(format!("user {name}: only root can become somebody else")),
        None if is_root => kept |= CapabilitySet::DAC_OVERRIDE,
        None => {}
    }
    let kept = keep_only(kept).map_err(|e| format!("capabilities: {e}"))?;
    told.push(if kept.contains(CapabilitySet::NET_RAW) {
        "no capability but CAP_NET_RAW".into()
    } else {
        "no capability, so that an interface that goes away cannot be opened again".into()
    });
    told.push(format!("landlock {}", write_only_below(folders)));
    told.push(format!("seccomp {}", refuse_calls()));
    Ok(told.join(", "))
}

fn become_user(name: &str) -> Result<(), String> {
    let (uid, gid) = user(name)?;
    let failed = |e| format!("user {name}: {e}");
    // Capabilities outlive the change of user, to be cut down to what is needed afterwards.
    rustix::thread::set_keep_capabilities(true).map_err(failed)?;
    rustix::thread::set_thread_groups(&[]).map_err(failed)?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(failed)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(failed)?;
    rustix::thread::set_keep_capabilities(false).map_err(failed)
}

/// User and group of a name in /etc/passwd.
fn user(name: &str) -> Result<(Uid, Gid), String> {
    let file = std::fs::read_to_string("/etc/passwd").map_err(|e| format!("/etc/passwd: {e}"))?;
    let line = file.lines().find(|line| line.split(':').next() == Some(name));
    let number = |nth| line?.split(':').nth(nth)?.parse::<u32>().ok();
    match (number(2), number(3)) {
        (Some(uid), Some(gid)) => Ok((Uid::from_raw(uid), Gid::from_raw(gid))),
        _ => Err(format!("user {name}: there is none in /etc/passwd")),
    }
}

/// Cuts every set down to these, as far as they were there. What is left.
fn keep_only(wanted: CapabilitySet) -> rustix::io::Result<CapabilitySet> {
    let now = rustix::thread::capabilities(None)?;
    let kept = now.permitted & wanted;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    match rustix::thread::set_capabilities(None, sets) {
        // A service manager may have refused the call after it had cut them down itself.
        Err(_) if wanted.contains(now.permitted) => Ok(now.permitted),
        done => done.map(|()| kept),
    }
}

/// Where files may be written from now on.
fn write_only_below(folders: &BTreeSet<PathBuf>) -> String {
    let write = AccessFs::from_write(LANDLOCK);
    let restricted = Ruleset::default()
        .handle_access(write)
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(folders, write)))
        .and_then(landlock::RulesetCreated::restrict_self);
    let shown: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
    let shown =
        if shown.is_empty() { "nothing is written".into() } else { format!("writes below {}", shown.join(", ")) };
    match restricted.map(|status| status.ruleset) {
        Ok(RulesetStatus::FullyEnforced) => format!("on ({shown})"),
        Ok(RulesetStatus::PartiallyEnforced) => format!("on as far as this kernel has it ({shown})"),
        Ok(RulesetStatus::NotEnforced) => "off: this kernel has none".into(),
        Err(error) => format!("off: {error}"),
    }
}

fn refuse_calls() -> String {
    let filter = || -> Result<(), Box<dyn std::error::Error>> {
        let refused: BTreeMap<i64, Vec<_>> = REFUSED_CALLS.iter().map(|call| (*call, Vec::new())).collect();
        let permission = u32::try_from(libc::EPERM)?;
        let arch = std::env::consts::ARCH.try_into()?;
        let filter = SeccompFilter::new(refused, SeccompAction::Allow, SeccompAction::Errno(permission), arch)?;
        let program: BpfProgram = filter.try_into()?;
        Ok(seccompiler::apply_filter(&program)?)
    };
    match filter() {
        Ok(()) => "on".into(),
        Err(error) => format!("off: {error}"),
    }
}

/// The folder that a file is in, or would be made in.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
