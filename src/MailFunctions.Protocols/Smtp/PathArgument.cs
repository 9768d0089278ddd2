using MailFunctions.Core.Addresses;

namespace MailFunctions.Protocols.Smtp;

/// <summary>The argument of MAIL and RCPT: a path and its parameters (RFC 5321 §4.1.2).</summary>
/// <param name="Address">Null for the null reverse-path.</param>
/// <param name="IsPostmaster">`&lt;Postmaster&gt;` without a domain (RFC 5321 §4.1.1.3).</param>
internal sealed record PathArgument(EmailAddress? Address, bool IsPostmaster, IReadOnlyList<KeyValuePair<string, string?>> Parameters)
{
    private const int MaxParameters = 16;

    /// <summary>Parses what follows `FROM:` or `TO:`; null when it breaks the grammar.</summary>
    /// <param name="isReversePath">Of `FROM:`: see <see cref="EmailAddress.ParseReversePath"/>.</param>
    /// <param name="bareAllowed">Takes an address without angle brackets, as simple programs submit it.</param>
    public static PathArgument? Parse(string text, bool isReversePath = false, bool bareAllowed = false)
    {
        // RFC 5321 has no blank behind the colon; clients send one, and servers take it.
        text = text.TrimStart(' ');
        if (bareAllowed && text.Length > 0 && !text.StartsWith('<'))
        {
            var end = FindEnd(text, ' ') is >= 0 and var blank ? blank : text.Length;
            text = $"<{text[..end]}>{text[end..]}";
        }

        if (!text.StartsWith('<') || FindEnd(text, '>') is not (> 0 and var close))
        {
            return null;
        }

        var path = text[1..close];
        var rest = text[(close + 1)..];
        if (rest.Length > 0 && rest[0] != ' ' || ParseParameters(rest) is not { } parameters)
        {
            return null;
        }

        if (path.Length == 0)
        {
            return new PathArgument(null, false, parameters);
        }

        if (path.Equals("postmaster", StringComparison.OrdinalIgnoreCase))
        {
            return new PathArgument(null, true, parameters);
        }

        path = DropSourceRoute(path);
        return (isReversePath ? EmailAddress.ParseReversePath(path) : EmailAddress.Parse(path)) is { } address
            ? new PathArgument(address, false, parameters)
            : null;
    }

    /// <summary>Where a character first stands outside a quoted string; -1: nowhere.</summary>
    private static int FindEnd(string text, char end)
    {
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '"':
                    quoted = !quoted;
                    break;
                case '\\' when quoted:
                    i++;
                    break;
                case var c when c == end && !quoted:
                    return i;
            }
        }

        return -1;
    }

    // A-d-l ":" Mailbox: accepted and ignored (RFC 5321 §4.1.1.3, appendix C).
    private static string DropSourceRoute(string path)
    {
        if (!path.StartsWith('@') || path.IndexOf(':') is not (> 0 and var colon))
        {
            return path;
        }

        var hops = path[..colon].Split(',');
        return hops.All(h => h.StartsWith('@') && DomainName.TryNormalize(h[1..], out _)) ? path[(colon + 1)..] : path;
    }

    // esmtp-param = esmtp-keyword ["=" esmtp-value], each once.
    private static List<KeyValuePair<string, string?>>? ParseParameters(string text)
    {
        var parameters = new List<KeyValuePair<string, string?>>();
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = word.IndexOf('=');
            var name = (equals < 0 ? word : word[..equals]).ToUpperInvariant();
            var value = equals < 0 ? null : word[(equals + 1)..];
            if (parameters.Count == MaxParameters || !IsKeyword(name) || value is "" || parameters.Any(p => p.Key == name)
                || (value is not null && value.Any(c => c is <= ' ' or '=' or '\x7f')))
            {
                return null;
            }

            parameters.Add(new KeyValuePair<string, string?>(name, value));
        }

        return parameters;
    }

    private static bool IsKeyword(string name) =>
        name.Length > 0 && char.IsAsciiLetterOrDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');
}
