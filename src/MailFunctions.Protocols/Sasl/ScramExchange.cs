using System.Net;
using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Transport;

namespace MailFunctions.Protocols.Sasl;

/// <summary>SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): three messages each way.</summary>
internal sealed class ScramExchange(IAuthenticator authenticator, IPAddress client, TlsDetails? tls, bool plus) : ISaslExchange
{
    private const int MaxNonceLength = 512;

    private State _state;
    private string _login = "";
    private string _gs2Header = "";
    private byte[] _binding = [];
    private string _clientFirstBare = "";
    private string _serverFirst = "";
    private string _nonce = "";
    private ScramCredential? _credential;

    private enum State
    {
        ClientFirst,
        ClientFinal,
        Acknowledge,
    }

    public byte[] FirstChallenge => [];

    public ValueTask<SaslStep> StepAsync(ReadOnlyMemory<byte> response, CancellationToken cancellationToken)
    {
        if (!PlainExchange.TryDecode(response.Span, out var message))
        {
            return ValueTask.FromResult<SaslStep>(new SaslStep.Malformed());
        }

        return _state switch
        {
            State.ClientFirst => ClientFirstAsync(message, cancellationToken),
            State.ClientFinal => ValueTask.FromResult(ClientFinal(message)),
            _ => ValueTask.FromResult<SaslStep>(message.Length == 0
                ? new SaslStep.Succeeded(_credential!.Account!)
                : new SaslStep.Malformed()),
        };
    }

    // client-first-message = gs2-cbind-flag "," [authzid] "," [reserved-mext ","] username "," nonce ["," extensions]
    private async ValueTask<SaslStep> ClientFirstAsync(string message, CancellationToken cancellationToken)
    {
        var parts = message.Split(',', 3);
        if (parts.Length < 3 || !TryReadBinding(parts[0]))
        {
            return new SaslStep.Malformed();
        }

        _gs2Header = $"{parts[0]},{parts[1]},";
        _clientFirstBare = parts[2];
        var fields = _clientFirstBare.Split(',');
        if (fields.Length < 2
            || !fields[0].StartsWith("n=", StringComparison.Ordinal) || !fields[1].StartsWith("r=", StringComparison.Ordinal)
            || fields[1].Length is < 3 or > MaxNonceLength || !TryDecodeName(fields[0][2..], out _login))
        {
            return new SaslStep.Malformed(); // also "m=": a mandatory extension that we do not know
        }

        if (parts[1].Length > 0
            && (!parts[1].StartsWith("a=", StringComparison.Ordinal)
                || !TryDecodeName(parts[1][2..], out var authorization) || authorization != _login))
        {
            return SaslStep.Failed.Rejected; // acting for another account is not offered
        }

        // RFC 5802 §6: "y" from a client that thinks we have no binding, while we announced it, is an attack on the list.
        if (!plus && parts[0] == "y" && tls is { ServerEndPointBinding: not null })
        {
            return SaslStep.Failed.Rejected;
        }

        switch (await authenticator.FindScramAsync(_login, client, cancellationToken))
        {
            case ScramLookup.Found found:
                _credential = found.Credential;
                break;
            case ScramLookup.Refused refused:
                return new SaslStep.Failed(refused.Why);
        }

        _nonce = fields[1][2..] + Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));
        _serverFirst = $"r={_nonce},s={Convert.ToBase64String(_credential!.Verifier.Salt)},i={_credential.Verifier.Iterations}";
        _state = State.ClientFinal;
        return new SaslStep.Challenge(Encoding.UTF8.GetBytes(_serverFirst));
    }

    // client-final-message = channel-binding "," nonce ["," extensions] "," proof
    private SaslStep ClientFinal(string message)
    {
        if (Verify(message) is { } step)
        {
            return step;
        }

        // A client that has the salt and sends a malformed proof counts as one with a wrong proof.
        return authenticator.RecordScram(_login, client, succeeded: false) is { } throttled
            ? new SaslStep.Failed(throttled)
            : new SaslStep.Malformed();
    }

    /// <summary>Null when the message is malformed.</summary>
    private SaslStep? Verify(string message)
    {
        var proofAt = message.LastIndexOf(",p=", StringComparison.Ordinal);
        var fields = message.Split(',');
        if (proofAt < 0 || fields.Length < 3
            || !fields[0].StartsWith("c=", StringComparison.Ordinal) || !fields[1].StartsWith("r=", StringComparison.Ordinal))
        {
            return null;
        }

        Span<byte> proof = stackalloc byte[SHA256.HashSizeInBytes];
        var bindingGiven = new byte[fields[0].Length];
        if (!Convert.TryFromBase64String(message[(proofAt + 3)..], proof, out var proofLength) || proofLength != proof.Length
            || !Convert.TryFromBase64String(fields[0][2..], bindingGiven, out var bindingLength))
        {
            return null;
        }

        byte[] bindingExpected = [.. Encoding.UTF8.GetBytes(_gs2Header), .. _binding];
        var authMessage = Encoding.UTF8.GetBytes($"{_clientFirstBare},{_serverFirst},{message[..proofAt]}");
        var good = CryptographicOperations.FixedTimeEquals(bindingGiven.AsSpan(0, bindingLength), bindingExpected)
            & CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(fields[1][2..]), Encoding.UTF8.GetBytes(_nonce))
            & ProofIsRight(proof, authMessage)
            & _credential!.Account is not null;
        if (authenticator.RecordScram(_login, client, good) is { } throttled)
        {
            return new SaslStep.Failed(throttled);
        }

        if (!good)
        {
            return SaslStep.Failed.Rejected;
        }

        _state = State.Acknowledge;
        var signature = HMACSHA256.HashData(_credential.Verifier.ServerKey, authMessage);
        return new SaslStep.Challenge(Encoding.ASCII.GetBytes("v=" + Convert.ToBase64String(signature)));
    }

    // ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage); right when H(ClientKey) is StoredKey (RFC 5802 §3).
    private bool ProofIsRight(Span<byte> proof, byte[] authMessage)
    {
        var signature = HMACSHA256.HashData(_credential!.Verifier.StoredKey, authMessage);
        for (var i = 0; i < proof.Length; i++)
        {
            proof[i] ^= signature[i];
        }

        var right = CryptographicOperations.FixedTimeEquals(SHA256.HashData(proof), _credential.Verifier.StoredKey);
        CryptographicOperations.ZeroMemory(proof);
        return right;
    }

    private bool TryReadBinding(string flag)
    {
        if (flag is "n" or "y")
        {
            return !plus; // RFC 5802 §5.1: -PLUS is never used without a binding
        }

        var binding = flag switch
        {
            "p=tls-exporter" => tls?.ExporterBinding,
            "p=tls-server-end-point" => tls?.ServerEndPointBinding,
            _ => null,
        };
        _binding = binding ?? [];
        return plus && binding is not null;
    }

    // saslname: "=2C" for a comma, "=3D" for "="; any other "=" is an error (RFC 5802 §5.1).
    private static bool TryDecodeName(string text, out string name)
    {
        name = text.Replace("=2C", ",", StringComparison.Ordinal).Replace("=3D", "=", StringComparison.Ordinal);
        return name.Length > 0 && text.Count(c => c == '=') == text.Split(["=2C", "=3D"], StringSplitOptions.None).Length - 1;
    }
}
