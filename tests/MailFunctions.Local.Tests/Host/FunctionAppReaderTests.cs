using MailFunctions.Local.Host;
using Xunit;

namespace MailFunctions.Local.Tests.Host;

public sealed class FunctionAppReaderTests
{
    private const string Good = """{"version": "2.0", "customHandler": {"description": {"defaultExecutablePath": "node"}, "enableForwardingHttpRequest": true}}""";
    private const string GoodFunction = """{"bindings": [{"type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "0 */5 * * * *"}]}""";

    [Theory]
    [InlineData("{", "host.json")]
    [InlineData("""{"version": "1.0"}""", "host.json", "version")]
    [InlineData("""{"version": "2.0"}""", "host.json", "defaultExecutablePath")]
    [InlineData("""{"version": "2.0", "functionTimeout": "soon", "customHandler": {"description": {"defaultExecutablePath": "node"}}}""", "host.json", "functionTimeout")]
    [InlineData("""{"version": "2.0", "customHandler": {"description": {"defaultExecutablePath": "node", "arguments": [1]}}}""", "host.json", "arguments")]
    [InlineData("""{"version": "2.0", "customHandler": {"description": {"defaultExecutablePath": "no-such-program"}}}""", "host.json", "no-such-program")]
    [InlineData(
        """{"version": "2.0", "extensions": {"serviceBus": {"maxConcurrentCalls": 0}}, "customHandler": {"description": {"defaultExecutablePath": "node"}}}""", "host.json", "maxConcurrentCalls")]
    public void Read_WithABrokenHostJson_NamesTheFileAndTheFault(string host, params string[] named) => AssertFault(host, "Tick", GoodFunction, named);

    [Theory]
    [InlineData("1st", GoodFunction, "1st/function.json")]
    [InlineData("host", GoodFunction, "host/function.json")]
    [InlineData("Tick", "[", "Tick/function.json")]
    [InlineData("Tick", "{}", "Tick/function.json", "bindings")]
    [InlineData("Tick", """{"bindings": []}""", "Tick/function.json", "trigger")]
    [InlineData("Tick", """{"bindings": [{"type": "timerTrigger", "name": "t", "schedule": "often"}]}""", "Tick/function.json", "often")]
    [InlineData("Tick", """{"bindings": [{"type": "timerTrigger", "name": "t", "schedule": "%NOWHERE%"}]}""", "Tick/function.json", "NOWHERE")]
    [InlineData("Tick", """{"bindings": [{"type": "blobTrigger", "name": "t"}]}""", "Tick/function.json", "blobTrigger")]
    [InlineData("Tick", """{"bindings": [{"type": "serviceBusTrigger", "name": "t", "connection": "BUS"}]}""", "Tick/function.json", "queueName")]
    [InlineData("Tick", """{"bindings": [{"type": "httpTrigger", "name": "t", "route": "api/x"}]}""", "Tick/function.json", "http")]
    [InlineData("Tick", """{"bindings": [{"type": "httpTrigger", "name": "t", "route": "{a"}, {"type": "http", "direction": "out", "name": "r"}]}""", "Tick/function.json", "{a")]
    [InlineData("Tick", """{"bindings": [{"type": "httpTrigger", "name": "t", "route": "{a:odd}"}, {"type": "http", "direction": "out", "name": "r"}]}""", "Tick/function.json", "odd")]
    [InlineData("Tick", """{"bindings": [{"type": "httpTrigger", "name": "t", "methods": [1]}, {"type": "http", "direction": "out", "name": "r"}]}""", "Tick/function.json", "methods")]
    [InlineData("Tick", """{"bindings": [{"type": "httpTrigger", "name": "t", "authLevel": "all"}, {"type": "http", "direction": "out", "name": "r"}]}""", "Tick/function.json", "authLevel")]
    public void Read_WithABrokenFunctionJson_NamesTheFileAndTheFault(string name, string json, params string[] named) => AssertFault(Good, name, json, named);

    private static void AssertFault(string host, string name, string function, string[] named)
    {
        var root = Directory.CreateTempSubdirectory("host-test-");
        try
        {
            File.WriteAllText(Path.Combine(root.FullName, "host.json"), host);
            Directory.CreateDirectory(Path.Combine(root.FullName, name));
            File.WriteAllText(Path.Combine(root.FullName, name, "function.json"), function);
            var fault = Assert.Throws<FunctionAppException>(() => new FunctionAppReader(root.FullName, name => name == "PATH" ? Environment.GetEnvironmentVariable("PATH") : null).Read());
            Assert.All(named, n => Assert.Contains(n, fault.Message, StringComparison.OrdinalIgnoreCase));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }
}
