//! nginx with its stream module.

use std::io;
use std::path::Path;
use std::process::Command;

use super::tools::{self, Files};
use super::{About, Mode, SERVER_NAME, Setup};

/// Where distributions put the stream module; if nowhere, it is built in.
const MODULES: [&str; 3] = [
    "/usr/lib/nginx/modules/ngx_stream_module.so",
    "/usr/lib64/nginx/modules/ngx_stream_module.so",
    "/usr/share/nginx/modules/ngx_stream_module.so",
];

pub(super) fn about(program: &Path) -> Result<About, String> {
    let said = tools::said(program, "-V")?;
    if module().is_none() && !has_stream(&said) {
        return Err("it has no stream module: .ci/prepare bench".to_owned());
    }
    let version = tools::words_after(&said, "nginx/", 1);
    // The second is told if it is not the first.
    let library = tools::words_after(&said, "running with ", 2);
    let library = library.or_else(|| tools::words_after(&said, "built with ", 2));
    Ok(About {
        version: version.ok_or_else(|| tools::not_understood("version", &said))?,
        library: library.unwrap_or_else(|| "unknown".to_owned()),
    })
}

fn module() -> Option<&'static str> {
    MODULES
        .into_iter()
        .find(|module| Path::new(module).exists())
}

/// The line of a configuration that loads the stream module, if there has to be one.
pub(crate) fn module_line() -> String {
    let module = module().map(|module| format!("load_module {module};\n"));
    module.unwrap_or_default()
}

/// Built in, that is: with `--with-stream`, not with `--with-stream=dynamic`.
fn has_stream(said: &str) -> bool {
    said.split_whitespace().any(|word| word == "--with-stream")
}

pub(super) fn command(program: &Path, setup: &Setup<'_>, files: &Files) -> io::Result<Command> {
    let config = files.config("nginx.conf", &config(setup, files))?;
    let mut command = Command::new(program);
    // The built-in log, of which it complains before it reads the configuration, is in /var/log.
    command.args(["-p", &files.folder, "-c", &config, "-e", "stderr"]);
    Ok(command)
}

fn config(setup: &Setup<'_>, files: &Files) -> String {
    // The folder is closed to the user that workers would have otherwise. Who is not root cannot
    // choose, and is warned of it.
    let user = if tools::is_root() { "user root;\n" } else { "" };
    let descriptors = tools::descriptors();
    format!(
        "{module}{user}daemon off;
pid \"{folder}/nginx.pid\";
error_log stderr warn;
worker_processes {workers};
worker_rlimit_nofile {descriptors};
events {{
    # Both sides of a connection count, in the worker that has it.
    worker_connections {connections};
}}
stream {{
    access_log off;
    tcp_nodelay on;
    # The default is 16k.
    proxy_buffer_size {buffer};
    proxy_connect_timeout {connect}s;
    proxy_timeout {idle}s;
{server}}}
",
        module = module_line(),
        folder = files.folder,
        workers = tools::WORKERS,
        connections = descriptors.saturating_sub(100).max(100),
        buffer = tools::BUFFER,
        connect = tools::CONNECT_SECONDS,
        idle = tools::IDLE_SECONDS,
        server = server(setup, files),
    )
}

/// A listening socket for each worker (`reuseport`), by which the kernel spreads connections: one
/// shared socket lets the worker that wakes first take most of them.
fn server(setup: &Setup<'_>, files: &Files) -> String {
    let (ssl, tls) = match setup.mode {
        Mode::Client => ("", outbound_tls(files)),
        Mode::Server => ("ssl ", inbound_tls(files)),
    };
    format!(
        "    server {{
        listen {inbound} {ssl}reuseport backlog={backlog};
        proxy_pass {outbound};
{tls}    }}
",
        inbound = setup.inbound,
        backlog = tools::BACKLOG,
        outbound = setup.outbound,
    )
}

/// A shared cache, as the manual says that one for all workers is the more efficient; with TLS 1.3
/// it is the tickets that resume.
fn inbound_tls(files: &Files) -> String {
    format!(
        "        ssl_certificate \"{cert}\";
        ssl_certificate_key \"{key}\";
        ssl_client_certificate \"{ca}\";
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites {suite};
        ssl_ecdh_curve {group};
        ssl_session_cache shared:bench:16m;
        ssl_session_tickets on;
",
        cert = files.cert,
        key = files.key,
        ca = files.ca,
        suite = tools::SUITE,
        group = tools::GROUP,
    )
}

fn outbound_tls(files: &Files) -> String {
    format!(
        "        proxy_ssl on;
        proxy_ssl_certificate \"{cert}\";
        proxy_ssl_certificate_key \"{key}\";
        proxy_ssl_trusted_certificate \"{ca}\";
        proxy_ssl_verify on;
        proxy_ssl_name {SERVER_NAME};
        proxy_ssl_server_name on;
        proxy_ssl_protocols TLSv1.3;
        proxy_ssl_conf_command Ciphersuites {suite};
        proxy_ssl_conf_command Groups {group};
        proxy_ssl_session_reuse on;
",
        cert = files.cert,
        key = files.key,
        ca = files.ca,
        suite = tools::SUITE,
        group = tools::GROUP,
    )
}
