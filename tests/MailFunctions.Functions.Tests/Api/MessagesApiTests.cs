using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>The messages of an account through the API.</summary>
public sealed class MessagesApiTests(TestedApi api)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_PageByPage_IsNewestFirstAndGivesEachOnce()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        for (var i = 1; i <= 7; i++)
        {
            await api.DeliverAsync(mailbox, "Subject: x\r\n\r\nx\r\n"u8.ToArray(), subject: $"s{i}");
        }

        await api.DeleteMessagesAsync(address, mailbox, 3, 4, 5);

        Assert.Equal("s7 s6|s2 s1", await PagesAsync($"accounts/{address}/messages?top=2"));
        Assert.Equal("s5 s4|s3", await PagesAsync($"accounts/{address}/messages?top=2&deleted=true"));
    }

    private async Task<string> PagesAsync(string path)
    {
        var pages = new List<string>();
        string? continuation = null;
        do
        {
            var (status, page) = await api.GetAsync(path + (continuation is null ? "" : "&continuation=" + continuation));
            Assert.Equal(HttpStatusCode.OK, status);
            pages.Add(string.Join(' ', page.GetProperty("items").EnumerateArray().Select(i => i.GetProperty("subject").GetString())));
            continuation = page.GetProperty("continuation").GetString();
        }
        while (continuation is not null && pages.Count < 20);
        return string.Join('|', pages.Where(p => p.Length > 0));
    }

    [Fact]
    public async Task Get_Message_GivesItsOctetsAndTheirNumber()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        var uid = await api.DeliverAsync(mailbox, "Subject: x\r\n\r\n\0\xff no break"u8.ToArray(), "Return-Path: <a@b.test>\r\n");

        using var answer = await api.Http.GetAsync($"accounts/{address}/messages/{uid}", HttpCompletionOption.ResponseHeadersRead, Token);
        var octets = await answer.Content.ReadAsByteArrayAsync(Token);

        Assert.Equal("message/rfc822", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(octets.Length, answer.Content.Headers.ContentLength);
        Assert.Equal([.. "Return-Path: <a@b.test>\r\nSubject: x\r\n\r\n\0\xff no break\r\n"u8], octets);
    }

    [Fact]
    public async Task Restore_DeletedMessage_IsBackUnderANewUidAndStateIsTrue()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        var uid = await api.DeliverAsync(mailbox, "Subject: x\r\n\r\nback\r\n"u8.ToArray());
        var before = await MailboxAsync(address);
        await api.DeleteMessagesAsync(address, mailbox, uid);
        Assert.Equal("0 0", await MailboxAsync(address));

        var (status, body) = await api.SendAsync(HttpMethod.Post, $"accounts/{address}/messages/{uid}/restore");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(before, await MailboxAsync(address));
        Assert.True(body.GetProperty("uid").GetUInt32() > uid);
        Assert.Equal(
            "Subject: x\r\n\r\nback\r\n", await api.Http.GetStringAsync($"accounts/{address}/messages/{body.GetProperty("uid")}", Token));
        Assert.Equal(HttpStatusCode.NotFound, (await api.SendAsync(HttpMethod.Post, $"accounts/{address}/messages/{uid}/restore")).Status);
    }

    [Fact]
    public async Task Restore_ManyAtOnceWithDeliveries_LosesNothing()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        var uids = new List<uint>();
        for (var i = 0; i < 10; i++)
        {
            uids.Add(await api.DeliverAsync(mailbox, "Subject: x\r\n\r\nx\r\n"u8.ToArray()));
        }

        await api.DeleteMessagesAsync(address, mailbox, [.. uids]);
        await Task.WhenAll(
        [
            .. uids.Select(u => (Task)api.SendAsync(HttpMethod.Post, $"accounts/{address}/messages/{u}/restore")),
            .. Enumerable.Range(0, 10).Select(_ => (Task)api.DeliverAsync(mailbox, "Subject: x\r\n\r\nx\r\n"u8.ToArray())),
        ]);

        var (_, list) = await api.GetAsync($"accounts/{address}/messages");
        Assert.Equal(20, list.GetProperty("items").GetArrayLength());
        Assert.Equal($"20 {20 * "Subject: x\r\n\r\nx\r\n".Length}", await MailboxAsync(address));
    }

    private async Task<string> MailboxAsync(string address)
    {
        var (_, account) = await api.GetAsync($"accounts/{address}");
        var mailbox = account.GetProperty("mailbox");
        return $"{mailbox.GetProperty("messages")} {mailbox.GetProperty("bytes")}";
    }

    [Fact]
    public async Task ExportThenImport_AnyContent_ComesBackEqual()
    {
        var (address, mailbox) = await api.CreateAccountAsync();
        string[] contents =
        [
            "Subject: plain\r\n\r\nbody\r\n",
            "Subject: quotes\r\n\r\nFrom me\r\n>From you\r\n>>From them\r\nFromage\r\nFrom\r\n>\r\n",
            "Subject: empty lines\r\n\r\n\r\n\r\n",
            "Subject: binary\r\n\r\na\0b\u00ff\r\nFrom here\r\n\0\r\n",
            "Subject: big\r\n\r\n" + string.Concat(Enumerable.Repeat(">From x" + new string('y', 993) + "\r\n", 300)),
        ];
        foreach (var content in contents)
        {
            await api.DeliverAsync(mailbox, Encoding.Latin1.GetBytes(content), "Return-Path: <x@y.test>\r\n");
        }

        using var export = await api.Http.GetAsync($"accounts/{address}/export", Token);
        Assert.Equal("application/mbox", export.Content.Headers.ContentType?.MediaType);
        var file = await export.Content.ReadAsByteArrayAsync(Token);
        var (other, _) = await api.CreateAccountAsync();
        var (status, body) = await ImportAsync(other, file, "application/mbox");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(contents.Length, body.GetProperty("imported").GetInt32());
        for (var i = 0; i < contents.Length; i++)
        {
            Assert.Equal(
                "Return-Path: <x@y.test>\r\n" + contents[i],
                Encoding.Latin1.GetString(await api.Http.GetByteArrayAsync($"accounts/{other}/messages/{i + 1}", Token)));
        }

        Assert.Equal(file[^200..], (await api.Http.GetByteArrayAsync($"accounts/{other}/export", Token))[^200..]);
    }

    [Fact]
    public async Task Import_SingleMessage_IsListedWithItsFields()
    {
        var (address, _) = await api.CreateAccountAsync();

        var (status, _) =
            await ImportAsync(address, "From: a@b.test\r\nSubject: =?utf-8?q?=C3=A4?=\r\nMessage-ID: <m@b.test>\r\n\r\nx\r\n"u8.ToArray(),
                "message/rfc822");
        var (_, list) = await api.GetAsync($"accounts/{address}/messages");

        Assert.Equal(HttpStatusCode.OK, status);
        var item = Assert.Single(list.GetProperty("items").EnumerateArray());
        Assert.Equal(("ä", "m@b.test"), (item.GetProperty("subject").GetString(), item.GetProperty("internetMessageId").GetString()));
    }

    [Theory]
    [InlineData("A: 1\n\none\n.\ntwo", "A: 1\r\n\r\none\r\n.\r\ntwo\r\n")] // of a Unix program
    [InlineData("A: 1\r\n\r\none\n.\ntwo\r\n", "A: 1\r\n\r\none\r\n.\r\ntwo\r\n")] // of both kinds
    [InlineData("A: 1\r\n\r\none\r.\rtwo\r", "A: 1\r\n\r\none\r\n.\r\ntwo\r\n")]
    [InlineData("\n\r\none\n", "\r\n\r\none\r\n")]
    public async Task Import_SingleMessage_GetsTheLineBreaksOfMail(string content, string expected)
    {
        var (address, _) = await api.CreateAccountAsync();

        await ImportAsync(address, Encoding.ASCII.GetBytes(content), "message/rfc822");

        Assert.Equal(expected, await api.Http.GetStringAsync($"accounts/{address}/messages/1", Token));
        Assert.Equal($"1 {expected.Length}", await MailboxAsync(address));
    }

    [Fact]
    public async Task Import_IntoAFullMailbox_TellsWhichWereRefused()
    {
        var (address, _) = await api.CreateAccountAsync();
        await api.SendAsync(HttpMethod.Patch, $"accounts/{address}", System.Net.Http.Json.JsonContent.Create(new { quotaBytes = 30 }));

        var (_, body) = await ImportAsync(address, "From \nSubject: 1\n\nx\n\nFrom \nSubject: 2\n\nx\n\n"u8.ToArray(), "application/mbox");

        Assert.Equal((1, 1), (body.GetProperty("imported").GetInt32(), body.GetProperty("refused").GetInt32()));
        var fault = body.GetProperty("faults")[0];
        Assert.Equal((2, 6), (fault.GetProperty("message").GetInt32(), fault.GetProperty("line").GetInt32()));
    }

    [Fact]
    public async Task Import_Mbox_KeepsProseAndTheDatesOfItsSeparators()
    {
        var (address, _) = await api.CreateAccountAsync();
        const string Body = "Subject: sea\n\nHere we are.\n\nFrom the balcony we see the sea.\n";

        var (_, body) =
            await ImportAsync(
                address,
                Encoding.ASCII.GetBytes(
                    $"From a@b.test Sat Feb 28 13:30:00 2009\n{Body}\nFrom c@d.test Sat Feb 28 13:30 +0100 2109\nSubject: 2\n\nx\n"),
                "application/mbox");
        var (_, list) = await api.GetAsync($"accounts/{address}/messages");

        Assert.Equal((2, 0), (body.GetProperty("imported").GetInt32(), body.GetProperty("faults").GetArrayLength()));
        Assert.Equal(Body.ReplaceLineEndings("\r\n"), await api.Http.GetStringAsync($"accounts/{address}/messages/1", Token));
        var received = list.GetProperty("items").EnumerateArray().Select(i => i.GetProperty("receivedAt").GetDateTimeOffset()).ToList();
        Assert.Equal(new DateTimeOffset(2009, 2, 28, 13, 30, 0, TimeSpan.Zero), received[1]);
        Assert.Equal(DateTimeOffset.UtcNow.Date, received[0].UtcDateTime.Date); // a time to come is no time of receipt
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Import_ContentLengthOverMoreThanTheServerBuffers_IsLookedAhead(bool chunked)
    {
        var (address, _) = await api.CreateAccountAsync();
        const string At = "Thu Jan  1 00:00:00 2026";
        var body = $"one\n\nFrom c@d {At}\nB: 1\n\n" + string.Concat(Enumerable.Repeat(new string('x', 60) + "\n", 50_000));
        var file = Encoding.ASCII.GetBytes($"From a@b {At}\nA: 1\nContent-Length: {body.Length}\n\n{body}\nFrom e@f {At}\nC: 1\n\ntwo\n");
        using var content = new StreamContent(new MemoryStream(file))
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/mbox") },
        };
        content.Headers.ContentLength = chunked ? null : file.Length;
        using var request = new HttpRequestMessage(HttpMethod.Post, $"accounts/{address}/import") { Content = content };
        request.Headers.TransferEncodingChunked = chunked;

        using var answer = await api.Http.SendAsync(request, Token);

        Assert.Contains("\"imported\":2", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_TheSameFileAgain_SaysSoAndCanLeaveItOut()
    {
        var (address, _) = await api.CreateAccountAsync();
        var file =
            "From \nMessage-ID: <1@x>\n\none\n\nFrom \nMessage-ID: <2@x>\n\ntwo\n\nFrom \nSubject: without an id\n\nthree\n\n"u8.ToArray();

        Assert.Equal("3 0 0 0", Counts((await ImportAsync(address, file, "application/mbox")).Body));
        Assert.Equal("1 0 2 0", Counts((await ImportAsync(address, file, "application/mbox", "?skipKnown=true")).Body));
        Assert.Equal("3 2 0 0", Counts((await ImportAsync(address, file, "application/mbox")).Body));
        Assert.Equal(
            "1 0 0 0",
            Counts(
                (await ImportAsync(address, "Message-ID: <1@x>\r\n\r\none and more\r\n"u8.ToArray(), "message/rfc822", "?skipKnown=true"))
                    .Body));
        Assert.StartsWith("8 ", await MailboxAsync(address), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await ImportAsync(address, file, "application/mbox", "?skipKnown=perhaps")).Status);
    }

    private static string Counts(System.Text.Json.JsonElement answer) =>
        string.Join(' ', ((string[])["imported", "known", "skipped", "refused"]).Select(n => answer.GetProperty(n).GetInt32()));

    private async Task<(HttpStatusCode Status, System.Text.Json.JsonElement Body)> ImportAsync(
        string address, byte[] octets, string type, string query = "")
    {
        using var content = new ByteArrayContent(octets) { Headers = { ContentType = new MediaTypeHeaderValue(type) } };
        return await api.SendAsync(HttpMethod.Post, $"accounts/{address}/import{query}", content);
    }
}
