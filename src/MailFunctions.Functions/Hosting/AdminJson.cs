using System.Text.Json.Serialization;
using MailFunctions.Functions.Accounts;
using MailFunctions.Functions.Accounts.Messages;
using MailFunctions.Functions.Aliases;
using MailFunctions.Functions.Api;
using MailFunctions.Functions.Domains;
using MailFunctions.Functions.Health;
using MailFunctions.Functions.OutboundJobs;
using MailFunctions.Functions.Queues;
using MailFunctions.Functions.Stats;
using MailFunctions.Functions.Traces;

namespace MailFunctions.Functions.Hosting;

/// <summary>
/// The admin API's JSON: camelCase, unknown fields refused. The list of types is kept by hand, since the generator reads attributes
/// only; a test holds it against the routes.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false,
    MaxDepth = 16)]
[JsonSerializable(typeof(DomainRequest))]
[JsonSerializable(typeof(DomainAnswer))]
[JsonSerializable(typeof(ListAnswer<DomainAnswer>))]
[JsonSerializable(typeof(AccountRequest))]
[JsonSerializable(typeof(AccountAnswer))]
[JsonSerializable(typeof(ListAnswer<AccountAnswer>))]
[JsonSerializable(typeof(PasswordRequest))]
[JsonSerializable(typeof(AppPasswordRequest))]
[JsonSerializable(typeof(AppPasswordAnswer))]
[JsonSerializable(typeof(ListAnswer<AppPasswordAnswer>))]
[JsonSerializable(typeof(ListAnswer<MessageAnswer>))]
[JsonSerializable(typeof(ListAnswer<DeletedMailboxAnswer>))]
[JsonSerializable(typeof(DeletedMailboxRestored))]
[JsonSerializable(typeof(RestoreAnswer))]
[JsonSerializable(typeof(ImportAnswer))]
[JsonSerializable(typeof(AliasRequest))]
[JsonSerializable(typeof(AliasAnswer))]
[JsonSerializable(typeof(ListAnswer<AliasAnswer>))]
[JsonSerializable(typeof(ListAnswer<QueueAnswer>))]
[JsonSerializable(typeof(ListAnswer<DeadLetterAnswer>))]
[JsonSerializable(typeof(DeadLettersDone))]
[JsonSerializable(typeof(ListAnswer<TraceAnswer>))]
[JsonSerializable(typeof(JobsDone))]
[JsonSerializable(typeof(StatsList))]
[JsonSerializable(typeof(ListAnswer<TlsStatsAnswer>))]
[JsonSerializable(typeof(JobAnswer))]
[JsonSerializable(typeof(ListAnswer<JobAnswer>))]
[JsonSerializable(typeof(HealthAnswer))]
internal sealed partial class AdminJson : JsonSerializerContext;
