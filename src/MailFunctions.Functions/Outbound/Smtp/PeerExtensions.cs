using System.Globalization;

namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>What a peer announces in its reply to EHLO (RFC 5321 §4.1.1.1).</summary>
internal sealed class PeerExtensions
{
    private readonly Dictionary<string, string> _keywords = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Of a peer that knows HELO only.</summary>
    public static readonly PeerExtensions None = new(new PeerReply(250, []));

    /// <param name="hello">The reply to EHLO; its first line greets.</param>
    public PeerExtensions(PeerReply hello)
    {
        foreach (var line in hello.Lines.Skip(1))
        {
            // Old servers write `AUTH=LOGIN`.
            var parts = line.Trim().Split([' ', '='], 2);
            var value = parts.ElementAtOrDefault(1) ?? "";
            _keywords[parts[0]] = _keywords.TryGetValue(parts[0], out var before) ? $"{before} {value}" : value;
        }
    }

    public bool Pipelining => Has("PIPELINING");

    public bool StartTls => Has("STARTTLS");

    public bool EightBitMime => Has("8BITMIME");

    public bool SmtpUtf8 => Has("SMTPUTF8");

    public bool Dsn => Has("DSN");

    public bool RequireTls => Has("REQUIRETLS");

    public bool Size => Has("SIZE");

    /// <summary>RFC 3030 §3: BINARYMIME needs CHUNKING.</summary>
    public bool BinaryMime => Has("BINARYMIME") && Has("CHUNKING");

    /// <summary>Octets of the longest message it takes; 0: it does not say (RFC 1870 §4).</summary>
    public long MaxSize =>
        long.TryParse(_keywords.GetValueOrDefault("SIZE"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : 0;

    /// <summary>Mechanisms of AUTH.</summary>
    public IReadOnlySet<string> Logins =>
        _keywords.GetValueOrDefault("AUTH", "").Split(' ').ToHashSet(StringComparer.OrdinalIgnoreCase);

    private bool Has(string keyword) => _keywords.ContainsKey(keyword);
}
