using Xunit;

namespace MailFunctions.Local.Tests.Admin;

/// <summary>What commands ask of the API, and how they end.</summary>
public sealed class AdminCommandTests
{
    private const string Address = "alice@example.test";

    [Theory]
    [InlineData("domains set example.test", "PATCH /api/domains/example.test {}")]
    [InlineData("domains set example.test --postmaster p@example.test", """PATCH /api/domains/example.test {"postmaster":"p@example.test"}""")]
    [InlineData("domains set example.test --no-postmaster", """PATCH /api/domains/example.test {"postmaster":""}""")]
    [InlineData("domains replace example.test --enabled no", """PUT /api/domains/example.test {"enabled":false}""")]
    [InlineData("accounts set alice@example.test", "PATCH /api/accounts/alice@example.test {}")]
    [InlineData("accounts set alice@example.test --quota 1GB", """PATCH /api/accounts/alice@example.test {"quotaBytes":1000000000}""")]
    [InlineData("accounts set alice@example.test --quota 1.5GiB", """PATCH /api/accounts/alice@example.test {"quotaBytes":1610612736}""")]
    [InlineData("accounts set alice@example.test --quota none", """PATCH /api/accounts/alice@example.test {"quotaBytes":0}""")]
    [InlineData("accounts set alice@example.test --no-quota", """PATCH /api/accounts/alice@example.test {"quotaBytes":0}""")]
    [InlineData("accounts set alice@example.test --expire-after-days 30 --enabled no", """PATCH /api/accounts/alice@example.test {"expireAfterDays":30,"enabled":false}""")]
    [InlineData("accounts set alice@example.test --expire-after-days never", """PATCH /api/accounts/alice@example.test {"expireAfterDays":0}""")]
    [InlineData("accounts set alice@example.test --enabled YES", """PATCH /api/accounts/alice@example.test {"enabled":true}""")]
    [InlineData("accounts set alice@example.test --no-forward-to --no-display-name", """PATCH /api/accounts/alice@example.test {"displayName":"","forwardTo":[]}""")]
    [InlineData("accounts set alice@example.test --send-as boss@example.test,*@x.test", """PATCH /api/accounts/alice@example.test {"sendAs":["boss@example.test","*@x.test"]}""")]
    [InlineData("accounts set alice@example.test --forward-to a@x.test,b@x.test", """PATCH /api/accounts/alice@example.test {"forwardTo":["a@x.test","b@x.test"]}""")]
    [InlineData("accounts set alice@example.test --no-send-as", """PATCH /api/accounts/alice@example.test {"sendAs":[]}""")]
    [InlineData("accounts replace alice@example.test --keep-copy on", """PUT /api/accounts/alice@example.test {"keepCopy":true}""")]
    [InlineData("""aliases set t@example.test --targets a@x.test,"b,c"@x.test --targets d@x.test""", """PUT /api/aliases/t@example.test {"targets":["a@x.test","\u0022b,c\u0022@x.test","d@x.test"]}""")]
    [InlineData("accounts list --domain example.test", "GET /api/accounts?domain=example.test&usage=true")]
    [InlineData("messages list --deleted alice@example.test", "GET /api/accounts/alice@example.test/messages?deleted=true")]
    [InlineData("jobs cancel-all --domain x.test --report", "POST /api/queues/outbound/jobs/cancel?domain=x.test&report=true")]
    [InlineData("traces find --address alice@example.test --from 2026-01-31T12:00:00+01:00", "GET /api/traces?address=alice@example.test&from=2026-01-31T11:00:00Z&stories=true")]
    public async Task Command_AsksWhatIsNamedAndNoMore(string line, string expected)
    {
        await using var api = await StubApi.StartAsync();

        var (code, _, errors) = await api.RunAsync(line.Split(' '));

        Assert.Equal((0, ""), (code, errors));
        Assert.Equal([expected], api.Asked);
    }

    [Fact]
    public async Task Set_OfWhatIsNotThere_MakesItUnlessAnotherDidMeanwhile()
    {
        await using var api = await StubApi.StartAsync();
        api.Answers("""{"status":404,"detail":"There is no account"}""", 404).Answers("{}", 201);

        var (code, _, _) = await api.RunAsync("accounts", "set", Address, "--password", "correct horse battery staple", "--quota", "1GB");

        Assert.Equal(0, code);
        Assert.Equal("PATCH", api.Asked[0].Split(' ')[0]);
        Assert.Equal(
            """PUT /api/accounts/alice@example.test {"password":"correct horse battery staple","quotaBytes":1000000000} If-None-Match: *""",
            api.Asked[1]);
    }

    [Fact]
    public async Task Set_OfAMistypedName_SaysFirstThatThereIsNone()
    {
        await using var api = await StubApi.StartAsync();
        api.Answers("""{"status":404,"detail":"There is no account 'alcie@example.test'."}""", 404)
            .Answers("""{"status":400,"errors":{"password":["A new account needs one."]}}""", 400);

        var (code, _, errors) = await api.RunAsync("accounts", "set", "alcie@example.test", "--enabled", "no");

        Assert.Equal(1, code);
        Assert.StartsWith("There is no account 'alcie@example.test'.", errors, StringComparison.Ordinal);
        Assert.Contains("--password: A new account needs one.", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("accounts set alice@example.test --quota many", "--quota 'many': use octets, or a size")]
    [InlineData("accounts set alice@example.test --quota -1GB", "--quota '-1GB': use octets, or a size")]
    [InlineData("accounts set alice@example.test --quota 0.5B", "--quota '0.5B': use octets, or a size")]
    [InlineData("accounts set alice@example.test --enabled perhaps", "--enabled 'perhaps': use yes or no.")]
    [InlineData("accounts set alice@example.test --expire-after-days soon", "--expire-after-days 'soon': use a number.")]
    [InlineData("accounts set alice@example.test --quota 1GB --no-quota", "--quota and --no-quota can't both be meant.")]
    [InlineData("traces find --from yesterday", "--from 'yesterday': use a time such as")]
    public async Task Value_ThatIsWrong_IsNamedWithItsOptionAndNothingIsAsked(string line, string expected)
    {
        await using var api = await StubApi.StartAsync();

        var (code, _, errors) = await api.RunAsync(line.Split(' '));

        Assert.Equal(1, code);
        Assert.StartsWith(expected, errors, StringComparison.Ordinal);
        Assert.Empty(api.Asked);
    }

    [Fact]
    public async Task Faults_OfTheApi_BeginWithTheOptionAndTheValue()
    {
        await using var api = await StubApi.StartAsync();
        api.Answers(
            """{"status":400,"title":"x","errors":{"forwardTo[1]":["This is not an address."],"password":["Use 12 to 256 characters."],"address":["This is not an address either."]}}""",
            400);

        var (code, output, errors) = await api.RunAsync("accounts", "set", "bob@", "--forward-to", "a@x.test,bad", "--password", "secret");

        Assert.Equal((1, ""), (code, output));
        Assert.Equal(
            "--forward-to 'bad': This is not an address.\n--password: Use 12 to 256 characters.\n'bob@': This is not an address "
            + "either.\nNothing was changed.\n",
            errors.ReplaceLineEndings("\n"));
    }

    [Theory]
    [InlineData(404, """{"status":404,"detail":"There is no account 'x'."}""", "There is no account 'x'.")]
    [InlineData(503, "<html>", "The API answered 503.")]
    [InlineData(404, "", "There is no such operation at that address (404)")]
    public async Task Refusal_IsShownInOneLine(int status, string body, string expected)
    {
        await using var api = await StubApi.StartAsync();
        api.Answers(body, status, body.StartsWith('{') ? null : "text/html");

        var (code, _, errors) = await api.RunAsync("accounts", "show", "x@example.test");

        Assert.Equal(1, code);
        Assert.StartsWith(expected, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_IsTheApisOwnAnswer()
    {
        await using var api = await StubApi.StartAsync();
        const string Answer = """{"items":[{"id":"1"}],"continuation":null}""";
        api.Answers(Answer).Answers("""{"status":404}""", 404);

        Assert.Equal((0, Answer + "\n", ""), await api.RunAsync("jobs", "list", "--json"));
        var (code, _, errors) = await api.RunAsync("jobs", "show", "x", "--json");
        Assert.Equal((1, """{"status":404}"""), (code, errors.TrimEnd()));
    }

    [Fact]
    public async Task ImportCsv_WithRefusedLines_ListsThemAndFails()
    {
        await using var api = await StubApi.StartAsync();
        const string Lines = """
            {"line":2,"address":"a@x.test","result":"created"}
            {"line":3,"address":"b@x.test","result":"exists"}
            {"line":4,"address":"c@","result":"refused","errors":{"address":["This is not an address."]}}

            """;
        var file = Path.GetTempFileName();
        try
        {
            api.Answers(Lines, 200, "application/x-ndjson").Answers(Lines.Split('\n')[0] + "\n", 200, "application/x-ndjson");

            var (code, output, errors) = await api.RunAsync("accounts", "import-csv", "--file", file);
            Assert.Equal((1, "line 4 c@: address: This is not an address."), (code, errors.TrimEnd()));
            Assert.Equal("1 made, 1 were there before and stay as they are, 1 refused.", output.TrimEnd());
            Assert.Equal(0, (await api.RunAsync("accounts", "import-csv", "--file", file)).Code);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Import_SaysWhatTheMailboxHadAndWhatWasRefused()
    {
        await using var api = await StubApi.StartAsync();
        api.Answers(
            """{"imported":2,"known":1,"skipped":0,"refused":1,"faults":[{"message":3,"line":40,"fault":"The mailbox is full."}]}""")
            .Answers("""{"imported":1,"known":0,"skipped":2,"refused":0,"faults":[]}""");
        var file = Path.GetTempFileName();
        try
        {
            var (code, output, _) = await api.RunAsync("messages", "import", Address, "--file", file);
            Assert.Equal(1, code);
            Assert.StartsWith(
                "2 imported, 0 skipped, 1 refused.\n1 of those imported the mailbox had before", output, StringComparison.Ordinal);
            Assert.Contains("line 40, message 3: The mailbox is full.", output, StringComparison.Ordinal);

            (code, output, _) = await api.RunAsync("messages", "import", Address, "--file", file, "--skip-known");
            Assert.Equal((0, "1 imported, 2 skipped, 0 refused.\n"), (code, output));
            Assert.Equal("POST /api/accounts/alice@example.test/import?skipKnown=true", api.Asked[1]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Health_OfASystemThatIsNotWell_IsShownAndFails()
    {
        await using var api = await StubApi.StartAsync();
        api.Answers(
            """{"status":"unhealthy","dependencies":[{"name":"bus","status":"unhealthy","milliseconds":1,"fault":"It can't be reached."}]}""",
            503,
            "application/json");

        var (code, _, errors) = await api.RunAsync("health", "show");

        Assert.Equal(1, code);
        Assert.Contains("bus", errors, StringComparison.Ordinal);
        Assert.Contains("It can't be reached.", errors, StringComparison.Ordinal);
    }
}
