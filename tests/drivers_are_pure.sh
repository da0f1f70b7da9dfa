#!/usr/bin/env bash
# A driver does no I/O, reads no clock, starts no thread, writes no log and keeps no state of its own outside its
# decoder: its object may not need any of these from elsewhere.
set -eu
impure='(^|[^a-zA-Z_])(open|openat|read|write|send|recv|socket|connect|ioctl|poll|select|fopen|fwrite|printf|puts|system|time|clock_gettime|gettimeofday|getenv|rand|srand|random|pthread_create|usleep|nanosleep|sleep)(@|$)'
impure_cxx='std::(basic_(i|o)?fstream|cout|cerr|clog|thread|chrono|random_device|this_thread|filesystem)|absl::[a-z0-9_]*:*(Now|SleepFor|GetCurrentTimeNanos)\(|spdlog|fmt::'
status=0
for object in "$@"; do
  [ -s "$object" ] || { echo "no object file $object"; exit 2; }
  found=$({ nm -u "$object" | grep -E "$impure" || true; nm -uC "$object" | grep -E "$impure_cxx" || true; })
  # Writable data of its own would be a global; .data.rel.ro is read-only once the program runs.
  globals=$(objdump -tC "$object" | grep -E '[[:space:]]\.t?(data|bss)(\.[^r][^[:space:]]*)?[[:space:]]+0*[1-9a-f]' | grep -vE 'std::__ioinit|__odr_asan|__sancov|\.(asan|ubsan)' || true)
  if [ -n "$found$globals" ]; then
    echo "$(basename "$object") is not pure:"
    printf '%s\n' "$found" "$globals"
    status=1
  fi
done
exit $status
