using MailFunctions.Benchmarks;

return args switch
{
    _ when args.Any(a => a is "--help" or "-h" or "-?") => Help(exitCode: 0),
    ["edge-discard", .. var rest] => await EdgeDiscard.RunAsync(rest),
    ["pop3-memory", .. var rest] => await Pop3Memory.RunAsync(rest),
    ["pop3-azurite", .. var rest] => await Pop3Azurite.RunAsync(rest),
    ["latency", .. var rest] => await Latency.RunAsync(rest),
    ["relay", .. var rest] => await Relay.RunAsync(rest),
    ["accounts", .. var rest] => await Accounts.RunAsync(rest),
    ["logins", .. var rest] => await Logins.RunAsync(rest),
    ["mbox", .. var rest] => await Mbox.RunAsync(rest),
    ["edge-hostile", .. var rest] => await HostileEdge.RunAsync(rest),
    ["hostile", .. var rest] => await Hostile.RunAsync(rest),
    ["fuzz", "smtp" or "pop3", .. var rest] => await Fuzz.RunAsync(args[1], rest),
    _ => Help(exitCode: 2),
};

static int Help(int exitCode)
{
    Console.WriteLine(
        """
        Programs that measure and try; docs/performance.md and docs/protocols.md say how they are used.

          edge-discard --port N [--max-connections N]
              The real edge on 127.0.0.1 for SMTP, with an intake that throws messages away.
          pop3-memory --port N [--smtp-port N] [--max-connections N] [--password TEXT]
              The real edge on 127.0.0.1 for POP3 and SMTP, with mailboxes in memory.
          pop3-azurite [--messages N] [--rounds N] [--latency-ms N] | --list N
              POP3 over tables and blobs on Azurite beside bare reads of the blobs; or a maildrop of N messages, listed.
          latency STACK.JSON [--messages N]
              From the reply to end-of-data until POP3 shows the message, on a stack that runs.
          relay [--jobs N] [--domains N] [--at-once N]
              Outbound jobs through tables on Azurite to a server that refuses 5% and defers 20%; each has to end once.
          accounts [--import N] [--total N]
              Accounts imported through the admin API over Azurite, and one of all of them found; with the storage requests.
          logins [--herd N] [--accounts N] [--per-second N] [--failures N] [--guesses N]
              POP3S logins that are remembered or not, by app password, and failures of five kinds: times and processor.
          mbox STACK.JSON [--mebibytes N]
              A mailbox imported and exported on a stack that runs: the function app's memory, and whether all came back.
          hostile [--connections N] [--seconds N] [--only ATTACK]
              Clients that mean harm, each kind against an edge of its own: its memory, and what an honest client gets beside them.
          edge-hostile --smtp-port N --pop3-port N --smtps-port N [--budget OCTETS]
              The edge for these, with blobs that are taken and dropped, and addresses whose storage or bus does not answer.
          fuzz smtp|pop3 [--seconds N] [--seed S] [--rounds N]
              Sessions in memory, fed with damaged copies of the dialog files.
        """);
    return exitCode;
}
