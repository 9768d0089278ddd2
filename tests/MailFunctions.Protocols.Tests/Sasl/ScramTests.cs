using System.Security.Cryptography;
using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Protocols.Tests.Harness;
using MailFunctions.Protocols.Tests.Limits;
using Xunit;

namespace MailFunctions.Protocols.Tests.Sasl;

/// <summary>SCRAM-SHA-256 and -PLUS against a client that computes its own side (RFC 5802 §3, RFC 7677).</summary>
public sealed class ScramTests
{
    private const string Alice = "alice@example.test";
    private const string EndPoint = "p=tls-server-end-point";

    [Theory]
    [InlineData("SCRAM-SHA-256", "n", false)]
    [InlineData("SCRAM-SHA-256", "n", true)]
    [InlineData("SCRAM-SHA-256-PLUS", EndPoint, true)]
    public async Task Auth_RightPassword_SucceedsAndServerProvesItself(string mechanism, string flag, bool tls)
    {
        using var session = await StartAsync(tls);

        Assert.StartsWith("235 2.7.0", await LoginAsync(session, mechanism, flag, Alice, TestServer.Password), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Alice, "wrong")]
    [InlineData("nobody@example.test", TestServer.Password)]
    public async Task Auth_WrongPasswordOrName_Gets535AtTheEnd(string name, string password)
    {
        using var session = await StartAsync(tls: true);

        Assert.StartsWith("535 5.7.8", await LoginAsync(session, "SCRAM-SHA-256", "n", name, password), StringComparison.Ordinal);
        Assert.StartsWith("235", await LoginAsync(session, "SCRAM-SHA-256", "n", Alice, TestServer.Password), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Auth_BindingOfAnotherConnection_Gets535()
    {
        using var session = await StartAsync(tls: true);

        Assert.StartsWith(
            "535",
            await LoginAsync(session, "SCRAM-SHA-256-PLUS", EndPoint, Alice, TestServer.Password, binding: new byte[32]),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SCRAM-SHA-256-PLUS", "n", "501")]
    [InlineData("SCRAM-SHA-256-PLUS", "p=tls-unique", "501")]
    [InlineData("SCRAM-SHA-256-PLUS", "p=tls-exporter", "501")] // where the connection gives none
    [InlineData("SCRAM-SHA-256", EndPoint, "501")]
    [InlineData("SCRAM-SHA-256", "y", "535")] // somebody took -PLUS off the list
    public async Task Auth_FlagThatDoesNotFitTheMechanism_IsRefused(string mechanism, string flag, string code)
    {
        using var session = await StartAsync(tls: true);

        Assert.StartsWith(code, await session.AskAsync($"AUTH {mechanism} {Base64($"{flag},,n={Alice},r=abc")}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Auth_PlusWithoutTls_IsNotOffered()
    {
        using var session = await StartAsync(tls: false);

        Assert.StartsWith(
            "504", await session.AskAsync($"AUTH SCRAM-SHA-256-PLUS {Base64($"{EndPoint},,n={Alice},r=abc")}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("c={0},r={1},p=AAAA", "501")] // no proof of this length
    [InlineData("c={0},r={1}x,p={2}", "535")]
    [InlineData("c={0},r={1},p={2}", "535")]
    [InlineData("c=!,r={1},p={2}", "501")]
    [InlineData("r={1},c={0},p={2}", "501")]
    [InlineData("c={0},r={1}", "501")]
    [InlineData("", "501")]
    public async Task Auth_FinalMessageThatIsWrong_IsRefused(string form, string code)
    {
        using var session = await StartAsync(tls: true);
        var first = Fields((await session.AskAsync($"AUTH SCRAM-SHA-256 {Base64($"n,,n={Alice},r=abc")}"))[4..]);
        var final =
            string.Format(
                System.Globalization.CultureInfo.InvariantCulture, form, Base64("n,,"), first['r'], Convert.ToBase64String(new byte[32]));

        Assert.StartsWith(code, await session.AskAsync(Base64(final)), StringComparison.Ordinal);
        Assert.StartsWith("250", await session.AskAsync("NOOP"), StringComparison.Ordinal);
        Assert.Equal([false], session.Server.Proofs); // each counts as a failure
    }

    private static async Task<TimedSession> StartAsync(bool tls)
    {
        var session = await TimedSession.StartAsync(tls, ListenerKind.Submission);
        await session.AskAsync("EHLO client.test");
        return session;
    }

    private static async Task<string> LoginAsync(
        TimedSession session, string mechanism, string flag, string name, string password, byte[]? binding = null)
    {
        var clientFirst = $"n={name},r=fyko+d2lbbFgONRv9qkxdawL";
        var reply = await session.AskAsync($"AUTH {mechanism} {Base64($"{flag},,{clientFirst}")}");
        Assert.StartsWith("334 ", reply, StringComparison.Ordinal);
        var server = Fields(reply[4..]);
        Assert.StartsWith("fyko+d2lbbFgONRv9qkxdawL", server['r'], StringComparison.Ordinal);
        Assert.True(server['r'].Length > 40, "the server adds its own nonce");

        byte[] header = [.. Encoding.UTF8.GetBytes($"{flag},,"), .. flag == EndPoint ? binding ?? session.EndPointBinding : []];
        var withoutProof = $"c={Convert.ToBase64String(header)},r={server['r']}";
        var messages =
            Encoding.UTF8.GetBytes($"{clientFirst},{Encoding.UTF8.GetString(Convert.FromBase64String(reply[4..]))},{withoutProof}");
        var salted = Rfc2898DeriveBytes.Pbkdf2(
            password, Convert.FromBase64String(server['s']), int.Parse(server['i'], System.Globalization.CultureInfo.InvariantCulture),
            HashAlgorithmName.SHA256, 32);
        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        var proof = HMACSHA256.HashData(SHA256.HashData(clientKey), messages).Zip(clientKey, (s, k) => (byte)(s ^ k)).ToArray();
        reply = await session.AskAsync(Base64($"{withoutProof},p={Convert.ToBase64String(proof)}"));
        if (!reply.StartsWith("334 ", StringComparison.Ordinal))
        {
            return reply;
        }

        var signature = HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), messages);
        Assert.Equal(Convert.ToBase64String(signature), Fields(reply[4..])['v']);
        return await session.AskAsync("");
    }

    private static Dictionary<char, string> Fields(string base64) =>
        Encoding.UTF8.GetString(Convert.FromBase64String(base64)).Split(',').ToDictionary(f => f[0], f => f[2..]);

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
