using MailFunctions.Local.Host;
using MailFunctions.Local.Host.App;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Local.Tests.Host;

/// <summary>What is wrong in an app is said in a sentence that names the file or the function.</summary>
public sealed class FunctionAppReaderTests
{
    private const string GoodHost = """{"version": "2.0"}""";
    private const string GoodWorker =
        """{"description": {"language": "dotnet-isolated", "defaultExecutablePath": "dotnet", "defaultWorkerPath": "App.dll"} }""";
    private const string Http = """{"type": "http", "direction": "Out", "name": "$return"}""";

    [Fact]
    public void Read_AnApp_HasWhatItsFilesSayAndTheHostsDefaults()
    {
        var app = Read(GoodHost, GoodWorker);

        Assert.Equal(
            (TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5), 16, "api"),
            (app.FunctionTimeout, app.MaxLockRenewal, app.MaxConcurrentCalls, app.RoutePrefix));
        Assert.Equal("dotnet", Path.GetFileNameWithoutExtension(app.Executable));
        Assert.EndsWith("App.dll", Assert.Single(app.Arguments), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", GoodWorker, "host.json")]
    [InlineData("""{"version": "1.0"}""", GoodWorker, "host.json", "version")]
    [InlineData("""{"version": "2.0", "functionTimeout": "soon"}""", GoodWorker, "host.json", "functionTimeout", "soon")]
    [InlineData("""{"version": "2.0", "extensions": {"serviceBus": {"maxConcurrentCalls": 0} } }""", GoodWorker, "host.json", "maxConcurrentCalls")]
    [InlineData("""{"version": "2.0", "extensions": {"serviceBus": {"maxAutoLockRenewalDuration": 5} } }""", GoodWorker, "host.json", "maxAutoLockRenewalDuration")]
    [InlineData(GoodHost, "[", "worker.config.json")]
    [InlineData(GoodHost, "{}", "worker.config.json", "description")]
    [InlineData(GoodHost, """{"description": {"language": "node"} }""", "worker.config.json", "dotnet-isolated")]
    [InlineData(GoodHost, """{"description": {"language": "dotnet-isolated", "defaultExecutablePath": "dotnet"} }""", "worker.config.json", "defaultWorkerPath")]
    [InlineData(GoodHost, """{"description": {"language": "dotnet-isolated", "defaultExecutablePath": "dotnet", "defaultWorkerPath": "No.dll"} }""", "worker.config.json", "No.dll")]
    [InlineData(GoodHost, """{"description": {"language": "dotnet-isolated", "defaultExecutablePath": "nothing", "defaultWorkerPath": "App.dll"} }""", "worker.config.json", "nothing")]
    public void Read_WithABrokenFile_NamesTheFileAndTheFault(string host, string worker, params string[] named)
    {
        var fault = Assert.Throws<FunctionAppException>(() => Read(host, worker));

        Assert.All(named, n => Assert.Contains(n, fault.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("1st", "{}", "1st")]
    [InlineData("host", "{}", "host")]
    [InlineData("Tick", "[", "not JSON")]
    [InlineData("Tick", """{"type": "timerTrigger", "direction": "Out"}""", "trigger")]
    [InlineData("Tick", """{"type": "timerTrigger", "direction": "In", "name": "t", "schedule": "often"}""", "often")]
    [InlineData("Tick", """{"type": "timerTrigger", "direction": "In", "name": "t", "schedule": "%NOWHERE%"}""", "NOWHERE")]
    [InlineData("Tick", """{"type": "blobTrigger", "direction": "In", "name": "t"}""", "blobTrigger")]
    [InlineData("Tick", """{"type": "serviceBusTrigger", "direction": "In", "name": "t", "properties": {"supportsDeferredBinding": "True"} }""", "queueName")]
    [InlineData("Tick", """{"type": "serviceBusTrigger", "direction": "In", "name": "t", "queueName": "q"}""", "ServiceBusReceivedMessage")]
    [InlineData("Tick", """{"type": "httpTrigger", "direction": "In", "name": "t", "route": "{a"}""", "{a")]
    [InlineData("Tick", """{"type": "httpTrigger", "direction": "In", "name": "t", "route": "{a:odd}"}""", "odd")]
    [InlineData("Tick", """{"type": "httpTrigger", "direction": "In", "name": "t", "methods": [1]}""", "methods")]
    [InlineData("Tick", """{"type": "httpTrigger", "direction": "In", "name": "t", "authLevel": "all"}""", "authLevel")]
    public void ReadFunction_WithABrokenBinding_NamesTheFunctionAndTheFault(string name, string binding, string named)
    {
        var fault = Assert.Throws<FunctionAppException>(() => Reader().Read(name, [binding, Http]));

        Assert.Contains(name, fault.Message, StringComparison.Ordinal);
        Assert.Contains(named, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadFunction_WithAnotherOutput_SaysSo()
    {
        const string queue = """{"type": "queue", "direction": "Out", "name": "$return"}""";
        var fault =
            Assert.Throws<FunctionAppException>(() => Reader()
                .Read("Tick", ["""{"type": "timerTrigger", "direction": "In", "name": "t", "schedule": "0 * * * * *"}""", queue]));

        Assert.Equal("Tick: output bindings are not known here.", fault.Message);
    }

    [Fact]
    public void ReadFunctions_ThatASettingDisables_AreLeftOut()
    {
        var function = new MailFunctions.Local.Host.Rpc.RpcFunctionMetadata
        {
            Name = "Tick",
            RawBindings = { """{"type": "timerTrigger", "direction": "In", "name": "t", "schedule": "0 * * * * *"}""" },
        };

        Assert.Single(Reader().Read([function]));
        Assert.Empty(Reader(("AzureWebJobs.Tick.Disabled", "true")).Read([function]));
    }

    private static FunctionReader Reader(params (string Name, string Value)[] settings) =>
        new(name => settings.FirstOrDefault(s => s.Name == name).Value);

    private static FunctionApp Read(string host, string worker)
    {
        using var root = new TemporaryDirectory();
        File.WriteAllText(root.File("host.json"), host);
        File.WriteAllText(root.File("worker.config.json"), worker);
        File.WriteAllText(root.File("App.dll"), "");
        return FunctionAppReader.Read(root.Path);
    }
}
