using System.Collections.Frozen;

namespace MailFunctions.Protocols.Pop3;

public sealed partial class Pop3Session
{
    /// <summary>Which command is legal when: the one place that says so (RFC 1939 §3).</summary>
    private static readonly Pop3CommandRule[] Table =
    [
        new("CAPA", Pop3State.Both, static (s, _, _) => s.Capa()),
        new("STLS", Pop3State.Authorization, static (s, _, c) => s.StlsAsync(c)),
        new("USER", Pop3State.Authorization, static (s, a, _) => s.User(a)),
        new("PASS", Pop3State.Authorization, static (s, a, c) => s.PassAsync(a, c), BlanksCount: true),
        new("AUTH", Pop3State.Authorization, static (s, a, c) => s.AuthAsync(a, c)),
        new("UTF8", Pop3State.Authorization, static (s, a, _) => s.Utf8(a)),
        new("LANG", Pop3State.Both, static (s, a, _) => s.Lang(a)),
        new("STAT", Pop3State.Transaction, static (s, _, _) => s.Stat()),
        new("LIST", Pop3State.Transaction, static (s, a, c) => s.ListAsync(a, c)),
        new("UIDL", Pop3State.Transaction, static (s, a, c) => s.UidlAsync(a, c)),
        new("RETR", Pop3State.Transaction, static (s, a, c) => s.RetrAsync(a, c)),
        new("TOP", Pop3State.Transaction, static (s, a, c) => s.TopAsync(a, c)),
        new("DELE", Pop3State.Transaction, static (s, a, c) => s.DeleAsync(a, c)),
        new("RSET", Pop3State.Transaction, static (s, _, _) => s.Rset()),
        new("NOOP", Pop3State.Transaction, static (s, _, _) => s.Noop()),
        new("QUIT", Pop3State.Both, static (s, _, c) => s.QuitAsync(c)),
    ];

    private static readonly FrozenDictionary<string, Pop3CommandRule>.AlternateLookup<ReadOnlySpan<char>> Commands =
        Table.ToFrozenDictionary(r => r.Verb, StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();
}
