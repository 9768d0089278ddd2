using System.Text.Json.Serialization;

namespace MailFunctions.Functions.Hosting;

/// <summary>The custom handler's own JSON, with the names that the host writes.</summary>
[JsonSerializable(typeof(TriggerAnswer))]
[JsonSerializable(typeof(string))]
internal sealed partial class HostingJson : JsonSerializerContext;
