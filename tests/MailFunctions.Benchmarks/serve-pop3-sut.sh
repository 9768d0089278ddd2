#!/usr/bin/env bash
# The POP3 side of the edge with mailboxes in memory (pop3-memory), as a server for the loads of the peers.
# start|stop|pids|addr|pop_addr. Logins are whole addresses: POP_USER_SUFFIX=@e2e.test. Built before: dotnet build -c Release
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=${SUT_WORK:-/tmp/mailfunctions-pop3-sut}
pop3=${SUT_POP3_PORT:-12540}
smtp=${SUT_SMTP_PORT:-12541}
program=$root/artifacts/bin/MailFunctions.Benchmarks/release/MailFunctions.Benchmarks
running() { [ -s "$work/pid" ] && kill -0 "$(cat "$work/pid")" 2>/dev/null; }
open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
case "${1:-}" in
start)
  mkdir -p "$work"
  running && exit 0
  "$program" pop3-memory --port "$pop3" --smtp-port "$smtp" >"$work/log" 2>&1 </dev/null &
  echo $! >"$work/pid"
  for _ in {1..200}; do
    if open "$pop3" && open "$smtp"; then exit 0; fi
    running || break
    sleep 0.05
  done
  echo "it did not start:" >&2; cat "$work/log" >&2; exit 1 ;;
stop)
  if running; then
    kill "$(cat "$work/pid")"
    for _ in {1..600}; do running || break; sleep 0.05; done
  fi
  rm -f "$work/pid" ;;
pids) cat "$work/pid" ;;
addr) echo "127.0.0.1 $smtp" ;;
pop_addr) echo "127.0.0.1 $pop3" ;;
*) echo "usage: $0 start|stop|pids|addr|pop_addr" >&2; exit 2 ;;
esac
