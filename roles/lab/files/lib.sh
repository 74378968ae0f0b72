# shellcheck shell=bash
# Shared by the build scripts. Source it; it defines functions only.
#
# A build works in a temporary directory beside the cache entries and is moved into place as its last act, so an entry
# either does not exist or is complete, however the build ended.

say() {
    printf '%s %s\n' "$(date +%H:%M:%S)" "$*"
}

# begin_entry ENTRY: WORK is a fresh directory to build in, RESULT becomes ENTRY when commit_entry is called.
# From here on all output goes to ENTRY.log; the end of it is shown if the build fails.
begin_entry() {
    ENTRY=$1
    mkdir -p "$(dirname "$ENTRY")"
    # What killed builds left behind. A build holds its lock as long as it lives.
    local stale
    for stale in "$(dirname "$ENTRY")"/*.tmp; do
        if [ -d "$stale" ] && flock --nonblock "${stale%.tmp}.lock" true; then
            rm -rf --one-file-system "$stale" "${stale%.tmp}.lock"
        fi
    done
    exec 9>"$ENTRY.lock"
    flock 9
    exec 8>&2 >"$ENTRY.log" 2>&1
    rm -rf --one-file-system "$ENTRY.tmp"
    mkdir "$ENTRY.tmp"
    WORK=$ENTRY.tmp/work
    RESULT=$ENTRY.tmp/result
    mkdir "$WORK" "$RESULT"
    trap end_entry EXIT
    trap 'exit 130' INT TERM HUP
}

end_entry() {
    local code=$?
    if [ "$code" -ne 0 ]; then
        {
            echo "The build failed with code $code. The last lines of $ENTRY.log:"
            tail -n 30 "$ENTRY.log"
        } >&8
    fi
    rm -rf --one-file-system "$ENTRY.tmp" "$ENTRY.lock"
}

commit_entry() {
    sync -f "$RESULT"
    rm -rf --one-file-system "$ENTRY"
    mv -T "$RESULT" "$ENTRY"
}

# private_apt DIR KEYRING MIRROR SUITE...: an apt with state of its own under DIR, so that the host's own sources and
# package lists stay as they are. Afterwards `apt-get` and `apt-cache` of this shell use it.
private_apt() {
    local dir=$1 keyring=$2 mirror=$3 suite
    shift 3
    mkdir -p "$dir"/{lists/partial,archives/partial,etc,parts}
    for suite in "$@"; do
        printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite"
    done >"$dir/sources.list"
    : >"$dir/status"
    cat >"$dir/apt.conf" <<CONF
Dir::State "$dir";
Dir::State::Lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir";
Dir::Cache::Archives "$dir/archives";
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "$dir/parts";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Retries "3";
Acquire::Languages "none";
Dpkg::Use-Pty "false";
CONF
    export APT_CONFIG=$dir/apt.conf
    apt-get -qq update
}
