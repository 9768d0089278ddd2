using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Traces;
using MailFunctions.Functions.Triggers;
using Xunit;

namespace MailFunctions.Functions.Tests.Inbound;

public sealed partial class InboundFunctionTests
{
    [Fact]
    public async Task Run_EnvelopeWithAnyMemberNullMissingOrOfAnotherType_NeverThrowsAndIsWholeOrMalformed()
    {
        _directory.Account("alice@example.test");
        var good = JsonSerializer.SerializeToUtf8Bytes(Envelope("alice@example.test"), EnvelopeJson.Default.InboundEnvelope);
        foreach (var path in Paths(JsonNode.Parse(good)!, []).ToList())
        {
            foreach (var value in (string?[])["null", "[]", "{}", "[null]", "-1", "\"\"", "\"a\\r\\nb\"", "\"0001-01-01T00:00:00Z\"", null])
            {
                var bad = JsonNode.Parse(good)!;
                Set(bad, path, value);

                var result = await RunAsync(Encoding.UTF8.GetBytes(bad.ToJsonString()));

                Assert.True(
                    result is TriggerResult.Succeeded || Malformed().IsMatch(((TriggerResult.Failed)result).Reason),
                    $"{string.Join('.', path)} = {value}: {(result as TriggerResult.Failed)?.Reason}");
            }
        }
    }

    [GeneratedRegex("^(The envelope|A recipient)")]
    private static partial Regex Malformed();

    private static IEnumerable<object[]> Paths(JsonNode? node, object[] path) => node switch
    {
        JsonObject o => o.SelectMany(m => Paths(m.Value, [.. path, m.Key]).Prepend([.. path, m.Key])),
        JsonArray a => a.SelectMany((m, i) => Paths(m, [.. path, i]).Prepend([.. path, i])),
        _ => [],
    };

    private static void Set(JsonNode root, object[] path, string? value)
    {
        var parent = path[..^1].Aggregate(root, (node, step) => step is int i ? node[i]! : node[(string)step]!);
        switch (parent, path[^1])
        {
            case (JsonArray array, int i) when value is null:
                array.RemoveAt(i);
                break;
            case (JsonArray array, int i):
                array[i] = JsonNode.Parse(value!);
                break;
            case (JsonObject o, string name) when value is null:
                o.Remove(name);
                break;
            case (JsonObject o, string name):
                o[name] = JsonNode.Parse(value!);
                break;
        }
    }

    [Fact]
    public async Task Run_DeliveryThatThrowsWhatNothingForesaw_FailsAndLeavesTheReason()
    {
        _directory.Account("alice@example.test");
        _mailboxes.Trouble = new InvalidOperationException("no such state");

        var result = Assert.IsType<TriggerResult.Failed>(await RunAsync(Envelope("alice@example.test")));

        Assert.Equal("InvalidOperationException: no such state", result.Reason);
        Assert.Contains(_traces.Rows, r => r.Kind == TraceKind.Failed && r.Detail == result.Reason);
    }
}
