# A laboratory on one machine, for scripts/demo and scripts/torture: throw-away certificates, a registry, a bridge,
# simulated instruments, and a bad network where one is wanted. Source it; everything lives in $lab and ends with the
# script.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${DIMS_BUILD:-$top/build}
corpus=${DIMS_CORPUS:-$top/../shared/corpus}
bridge_bin=$build/firmware-bridge/dims-bridge
registry_bin=$build/registry/dims-registry
sim_bin=$build/simulator/dims-sim

lab=$(mktemp -d "${TMPDIR:-/tmp}/dims-lab-XXXXXX")
registry_pid='' bridge_pid='' registry_port='' proxy_pid='' proxy_at='' steer=''
registry_options=(--accept-simulated)
declare -A sim_pids=()

end_lab() {
  local pid
  for pid in "${sim_pids[@]}" $bridge_pid $registry_pid $proxy_pid; do kill_9 "$pid"; done
  if [ -n "${KEEP_LAB:-}" ]; then echo "kept: $lab"; else rm -rf "$lab"; fi
}
trap end_lab EXIT

fail() {
  echo "FAILED: $*" >&2
  for log in "$lab"/*.log; do
    [ -s "$log" ] && { echo "--- the end of $(basename "$log"):" >&2; tail -n 15 "$log" >&2; }
  done
  exit 1
}

build_programs() {
  "$top/scripts/deps"
  (cd "$top" && cmake --preset default >"$lab/cmake.log" && cmake --build --preset default --target dims-bridge dims-registry dims-sim) ||
    fail "the build"
}

# make_certificate FILE URI [SAN...]: FILE.pem and FILE.key, signed by the throw-away authority.
make_certificate() {
  local file=$1 uri=$2 names=$3
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$(basename "$file")" \
    -keyout "$file.key" -out "$file.csr" 2>/dev/null
  openssl x509 -req -in "$file.csr" -CA "$lab/ca.pem" -CAkey "$lab/ca.key" -CAcreateserial -days 90 \
    -extfile <(echo "subjectAltName=URI:$uri$names") -out "$file.pem" 2>/dev/null
  chmod 600 "$file.key"
}

make_certificates() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=throw-away authority" -days 90 \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout "$lab/ca.key" -out "$lab/ca.pem" 2>/dev/null
  make_certificate "$lab/registry" urn:dims:demo-lab:registry:demo ",DNS:localhost,IP:127.0.0.1"
  make_certificate "$lab/bridge" urn:dims:demo-lab:bridge:ws-1 ""
}

# wait_until SECONDS WHAT COMMAND...: a condition with a deadline.
wait_until() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt $deadline ] || fail "$what did not happen in time"
    sleep 0.05
  done
}

start_registry() {
  : >"$lab/registry.out"
  "$registry_bin" serve --listen "127.0.0.1:${registry_port:-0}" --database "$lab/registry.db" --ca "$lab/ca.pem" \
    --certificate "$lab/registry.pem" --key "$lab/registry.key" "${registry_options[@]}" \
    >"$lab/registry.out" 2>>"$lab/registry.log" &
  registry_pid=$!
  wait_until 20 "the registry's start" grep -q listening "$lab/registry.out"
  registry_port=$(sed -n 's/.*:\([0-9]*\)$/\1/p' "$lab/registry.out" | head -1)
}

# start_proxy ARGUMENTS...: a bad network, through which the bridge reaches the registry. The registry must have run; the
# configuration is written afterwards.
start_proxy() {
  mkfifo "$lab/steer"
  "$sim_bin" proxy --to "127.0.0.1:$registry_port" --log "$lab/network.log" "$@" \
    <"$lab/steer" >"$lab/proxy.out" 2>>"$lab/proxy.log" &
  proxy_pid=$!
  exec {steer}>"$lab/steer"
  wait_until 20 "the proxy's start" grep -q listening "$lab/proxy.out"
  proxy_at=$(sed -n 's/.*listening on //p' "$lab/proxy.out" | head -1)
}

# calm_network: no more faults. Returns when that is so.
calm_network() {
  echo calm >&"$steer"
  wait_until 20 "a calm network" grep -q '^ok$' "$lab/proxy.out"
}

# write_config INSTRUMENT:BAUD[:DRIVER[:ENCODING]]...
write_config() {
  cat >"$lab/bridge.toml" <<TOML
laboratory = "demo-lab"
bridge = "ws-1"

[store]
path = "${store_file:-store.db}"

[registry]
address = "${proxy_at:-127.0.0.1:$registry_port}"
ca = "ca.pem"
certificate = "bridge.pem"
key = "bridge.key"

[admin]
socket = "admin.sock"

[[watch]]
name = "watched-here"
substances = ["MDMA", "FEN"]
TOML
  local instrument name baud driver encoding
  for instrument in "$@"; do
    IFS=: read -r name baud driver encoding <<<"$instrument"
    cat >>"$lab/bridge.toml" <<TOML

[[instrument]]
name = "$name"
driver = "${driver:-agilent_msd}"
port = "$lab/$name"
baud = $baud
origin = "simulated"
time_zone = "Europe/Amsterdam"
[instrument.options]
TOML
    {
      [ -z "$encoding" ] || echo "encoding = \"$encoding\""
      case $driver in
        astm) echo 'technique = "immunoassay"' ;;
        ocean_optics) printf '%s\n' 'kind = "uv-vis"' 'interval = "4s"' ;;
      esac
    } >>"$lab/bridge.toml"
  done
}

start_bridge() {
  "$bridge_bin" run --config "$lab/bridge.toml" 2>>"$lab/bridge.log" &
  bridge_pid=$!
}

# start_instrument NAME BAUD ARGUMENTS...
start_instrument() {
  local name=$1 baud=$2
  shift 2
  "$sim_bin" instrument --name "$name" --link "$lab/$name" --baud "$baud" --log "$lab/$name.jsonl" --wait-for-reader \
    "$@" 2>>"$lab/$name.log" &
  sim_pids[$name]=$!
}

# start_lab SCENARIO: all its instruments, in one process.
start_lab() {
  "$sim_bin" lab "$1" --folder "$lab" 2>>"$lab/simulators.log" &
  sim_pids[lab]=$!
}

# kill_9 PID: as a power failure does it; no word of the shell about it.
kill_9() {
  { kill -9 "$1"; wait "$1"; } 2>/dev/null || true
}

export_records() { "$registry_bin" export --database "$lab/registry.db"; }

# What is on the bridge's disk, in $lab/store.txt. The bridge must not run.
look_at_store() {
  "$bridge_bin" store --config "$lab/bridge.toml" >"$lab/store.txt" 2>&1 || fail "dims-bridge store: $(cat "$lab/store.txt")"
}

# Records there that the registry has not settled.
queued() { awk '/^records of store/ {inside=1; next} /^$/ {inside=0} inside {sum += $3} END {print sum + 0}' "$lab/store.txt"; }

# Everything that is on the bridge's disk is in the registry.
queue_is_empty() {
  kill -TERM "$bridge_pid" 2>/dev/null
  wait "$bridge_pid" 2>/dev/null || true
  bridge_pid=''
  look_at_store
  [ "$(queued)" -eq 0 ] && return 0
  start_bridge
  sleep 2
  return 1
}

# Waits for the instruments to finish and for the queue to drain, then says the verdict; its status is the verdict's.
verdict() {
  local name
  for name in "${!sim_pids[@]}"; do
    wait "${sim_pids[$name]}" || fail "the simulated instrument $name"
    unset "sim_pids[$name]"
  done
  sleep 1
  wait_until 60 "the empty queue" queue_is_empty
  export_records >"$lab/export.jsonl" || fail "dims-registry export"
  "$sim_bin" verify --export "$lab/export.jsonl" "$@" $(printf ' --log %s' "$lab"/*.jsonl | sed "s# --log $lab/export.jsonl##")
}
