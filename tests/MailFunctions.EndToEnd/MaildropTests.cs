using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using MailFunctions.TestKit;
using MailKit.Net.Pop3;
using MailKit.Security;
using Xunit;

namespace MailFunctions.EndToEnd;

/// <summary>People's maildrops on a whole stack: several clients, what they delete, and what becomes of it.</summary>
public sealed class MaildropTests(SharedStack shared)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TwoClients_ThatLeaveMailOnTheServer_EachGetEveryMessageOnce()
    {
        var account = await shared.CreateAccountAsync();
        var (phone, laptop) = (new LeavingClient(shared.Stack, account), new LeavingClient(shared.Stack, account));
        await SendAsync(shared.Stack, account, "1", "2");
        await phone.FetchAsync();
        await SendAsync(shared.Stack, account, "3");
        await laptop.FetchAsync();
        await phone.FetchAsync();
        await SendAsync(shared.Stack, account, "4");
        await phone.FetchAsync();
        await laptop.FetchAsync();
        await laptop.FetchAsync();

        Assert.Equal(["1", "2", "3", "4"], phone.Subjects.Order()); // two at once may change places
        Assert.Equal(["1", "2", "3", "4"], laptop.Subjects.Order());
    }

    [Fact]
    public async Task Message_DeletedByOneClientAndRestored_IsThereForTheOther()
    {
        var account = await shared.CreateAccountAsync();
        await SendAsync(shared.Stack, account, "wanted");
        using (var phone = new Pop3Client { CheckCertificateRevocation = false })
        {
            await phone.ConnectAsync("127.0.0.1", shared.Stack.Pop3, SecureSocketOptions.None, Token);
            await phone.AuthenticateAsync(account.Address, account.Password, Token);
            await phone.DeleteMessageAsync(0, Token);
            await phone.DisconnectAsync(true, Token);
        }

        Assert.Equal(0, await MailDialogs.CountAsync(shared.Stack, account));
        var deleted = await shared.Admin.GetFromJsonAsync<JsonElement>($"accounts/{account.Address}/messages?deleted=true", Token);
        var uid = deleted.GetProperty("items").EnumerateArray().Single().GetProperty("uid").GetRawText().Trim('"');
        using var restored = await shared.Admin.PostAsync($"accounts/{account.Address}/messages/{uid}/restore", null, Token);
        Assert.True(restored.IsSuccessStatusCode, await restored.Content.ReadAsStringAsync(Token));

        var laptop = new LeavingClient(shared.Stack, account);
        await laptop.FetchAsync();
        Assert.Equal(["wanted"], laptop.Subjects);
    }

    [ToolFact("python3")]
    public async Task Poplib_ReadsListsAndDeletes()
    {
        var account = await shared.CreateAccountAsync();
        await SendAsync(shared.Stack, account, "one", "two");
        const string Script = """
            import poplib, ssl, sys
            port, ca, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
            p = poplib.POP3_SSL("localhost", port, context=ssl.create_default_context(cafile=ca))
            caps = p.capa()
            p.user(user); p.pass_(password)
            count, octets = p.stat()
            sizes = [int(l.split()[1]) for l in p.list()[1]]
            uids = [l.split()[1].decode() for l in p.uidl()[1]]
            assert count == 2 and sum(sizes) == octets and len(set(uids)) == 2, (count, octets, sizes, uids)
            assert sum(len(l) + 2 for l in p.retr(1)[1]) == sizes[0]
            assert any(b"Subject: two" in p.top(n, 0)[1] for n in (1, 2)) # two at once may change places
            p.dele(1); p.quit()
            print(",".join(sorted(caps)))
            """;
        using var home = new TemporaryDirectory();
        await File.WriteAllTextAsync(home.File("client.py"), Script, Token);
        await using var python = ProgramProcess.Start(
            OptionalTool.PathOf("python3"),
            [
                home.File("client.py"), shared.Stack.Pop3s.ToString(CultureInfo.InvariantCulture), shared.Stack.CertificateAuthority,
                account.Address, account.Password]);
        var exit = await python.WaitForExitAsync(TimeSpan.FromSeconds(60));

        Assert.True(exit == 0, string.Join('\n', python.Errors));
        Assert.Equal("AUTH-RESP-CODE,EXPIRE,IMPLEMENTATION,LANG,PIPELINING,RESP-CODES,SASL,TOP,UIDL,USER,UTF8", python.Output[^1]);
        Assert.Equal(1, await MailDialogs.CountAsync(shared.Stack, account));
    }

    [Fact]
    public async Task Capa_OfAnAccountWithTheRule_TellsItsDays()
    {
        var account = await shared.CreateAccountAsync();
        using var answer = await shared.Admin.PatchAsJsonAsync($"accounts/{account.Address}", new { expireAfterDays = 30 }, Token);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Token));
        using var refused = await shared.Admin.PatchAsJsonAsync($"accounts/{account.Address}", new { expireAfterDays = -1 }, Token);
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, refused.StatusCode);

        await using var pop3 = await MailDialogs.LogInAsync(shared.Stack, account);
        await pop3.SendLineAsync("CAPA");
        Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Contains("EXPIRE 30\r\n", Encoding.ASCII.GetString(await pop3.ReadMultiLineAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Housekeeping_WithoutRetention_PurgesWhatWasDeletedAndItsBlob()
    {
        await using var process =
            await StackProcess.StartAsync(environment: new Dictionary<string, string?> { ["Mailboxes__DeletedRetention"] = "00:00:00" });
        var stack = process.Read();
        await SendAsync(stack, stack.Bob, "deleted", "kept");
        await using (var pop3 = await MailDialogs.LogInAsync(stack, stack.Bob))
        {
            await pop3.SendLineAsync("DELE 1");
            await pop3.ReadLineAsync();
            await pop3.SendLineAsync("QUIT");
            Assert.StartsWith("+OK", await pop3.ReadLineAsync(), StringComparison.Ordinal);
        }

        using var http = SharedStack.AdminClient(stack);
        using var started =
            await http.PostAsJsonAsync(new Uri(stack.AdminUrl + "/admin/functions/Housekeeping"), new { input = "" }, Token);
        Assert.Equal(System.Net.HttpStatusCode.Accepted, started.StatusCode);

        var log = await LogAsync(process, "Housekeeping, blobs without references: 1 done");
        Assert.Contains("Housekeeping, deleted mail: 1 done", log, StringComparison.Ordinal);
        var (content, _) = await MailDialogs.RetrieveAsync(stack, stack.Bob, 1);
        Assert.NotEmpty(content);
    }

    /// <summary>All logs of a stack, once they hold a line.</summary>
    private static async Task<string> LogAsync(StackProcess process, string awaited)
    {
        var log = "";
        for (var i = 0; i < 300 && !log.Contains(awaited, StringComparison.Ordinal); i++)
        {
            await Task.Delay(100, Token);
            log = string.Concat(Directory.EnumerateFiles(Path.Combine(process.Data, "logs")).Select(ReadShared));
        }

        Assert.Contains(awaited, log, StringComparison.Ordinal);
        return log;

        static string ReadShared(string path)
        {
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd();
        }
    }

    internal static async Task SendAsync(StackJson stack, AccountJson account, params string[] subjects)
    {
        var before = await MailDialogs.CountAsync(stack, account);
        foreach (var subject in subjects)
        {
            await MailDialogs.SendAsync(stack.Smtp, account.Address, Encoding.ASCII.GetBytes($"Subject: {subject}\r\n\r\n{subject}\r\n"));
        }

        await MailDialogs.WaitForMailAsync(stack, account, before + subjects.Length);
    }

    /// <summary>A mail client that leaves mail on the server and remembers what it has by unique id.</summary>
    private sealed class LeavingClient(StackJson stack, AccountJson account)
    {
        private readonly HashSet<string> _known = [];

        public List<string> Subjects { get; } = [];

        public async Task FetchAsync()
        {
            using var pop3 = new Pop3Client { CheckCertificateRevocation = false };
            await pop3.ConnectAsync("127.0.0.1", stack.Pop3, SecureSocketOptions.None, Token);
            await pop3.AuthenticateAsync(account.Address, account.Password, Token);
            var uids = await pop3.GetMessageUidsAsync(Token);
            for (var i = 0; i < uids.Count; i++)
            {
                if (_known.Add(uids[i]))
                {
                    using var message = await pop3.GetMessageAsync(i, Token);
                    Subjects.Add(message.Subject ?? "");
                }
            }

            await pop3.DisconnectAsync(true, Token);
        }
    }
}
