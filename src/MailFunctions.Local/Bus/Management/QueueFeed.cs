using System.Globalization;
using System.Xml.Linq;
using MailFunctions.Local.Bus.Store;

namespace MailFunctions.Local.Bus.Management;

/// <summary>The administration interface over HTTP, as far as counts need it: ATOM entries of queues.</summary>
internal static class QueueFeed
{
    private static readonly XNamespace Atom = "http://www.w3.org/2005/Atom";
    private static readonly XNamespace Bus = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";
    private static readonly XNamespace Counts = "http://schemas.microsoft.com/netservices/2011/06/servicebus";

    public static void Map(IEndpointRouteBuilder routes, LocalBus bus, IReadOnlyList<string> queues)
    {
        routes.MapGet("/$Resources/queues", async (HttpContext http) =>
            await AnswerAsync(http, bus, "", async () =>
            {
                var entries = new List<XElement>();
                foreach (var queue in queues)
                {
                    entries.Add(await EntryAsync(bus, queue));
                }

                return Feed(entries);
            }));
        routes.MapGet("/{queue}", async (HttpContext http, string queue) =>
            await AnswerAsync(http, bus, QueueSettings.Normalize(queue), async () =>
                bus.Has(QueueSettings.Normalize(queue)) ? await EntryAsync(bus, QueueSettings.Normalize(queue)) : Feed([])));
    }

    private static async Task AnswerAsync(HttpContext http, LocalBus bus, string entity, Func<Task<XElement>> make)
    {
        var now = bus.Time.GetUtcNow();
        if (bus.Key.Check(http.Request.Headers.Authorization, now)?.Covers(entity, now) != true)
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        http.Response.ContentType = "application/atom+xml;type=entry;charset=utf-8";
        await http.Response.WriteAsync(new XDocument(await make()).ToString(), http.RequestAborted);
    }

    private static XElement Feed(IEnumerable<XElement> entries) =>
        new(Atom + "feed", new XElement(Atom + "title", new XAttribute("type", "text"), "Publicly Listed Services"), entries);

    private static async Task<XElement> EntryAsync(LocalBus bus, string queue)
    {
        var counts = await bus.Store.CountAsync(queue);
        var dead = await bus.Store.CountAsync(queue + QueueSettings.DeadLetterSuffix);
        return new XElement(
            Atom + "entry",
            new XElement(Atom + "id", $"http://localhost/{queue}"),
            new XElement(Atom + "title", new XAttribute("type", "text"), queue),
            new XElement(
                Atom + "content",
                new XAttribute("type", "application/xml"),
                new XElement(
                    Bus + "QueueDescription",
                    new XElement(Bus + "LockDuration", System.Xml.XmlConvert.ToString(bus.Settings.LockDuration)),
                    new XElement(Bus + "RequiresDuplicateDetection", "true"),
                    new XElement(Bus + "DuplicateDetectionHistoryTimeWindow", System.Xml.XmlConvert.ToString(bus.Settings.DuplicateWindow)),
                    new XElement(Bus + "MaxDeliveryCount", bus.Settings.MaxDeliveryCount),
                    new XElement(Bus + "SizeInBytes", counts.Octets + dead.Octets),
                    new XElement(Bus + "MessageCount", counts.Active + counts.Deferred + counts.Scheduled + dead.Active),
                    new XElement(
                        Bus + "CountDetails",
                        new XAttribute(XNamespace.Xmlns + "d2p1", Counts.NamespaceName),
                        Count("ActiveMessageCount", counts.Active),
                        Count("DeadLetterMessageCount", dead.Active + dead.Deferred),
                        Count("ScheduledMessageCount", counts.Scheduled),
                        Count("TransferMessageCount", 0),
                        Count("TransferDeadLetterMessageCount", 0)))));
    }

    private static XElement Count(string name, long value) => new(Counts + name, value.ToString(CultureInfo.InvariantCulture));
}
