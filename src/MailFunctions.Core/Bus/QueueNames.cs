namespace MailFunctions.Core.Bus;

/// <summary>The queues of the system (design §3.1).</summary>
public static class QueueNames
{
    public const string Inbound = "mail-inbound";
    public const string Outbound = "mail-outbound";

    /// <summary>Deliveries after which the bus gives up on a message; the queues are made so (`infra/`, the local bus).</summary>
    public const int MaxDeliveries = 10;

    /// <summary>The bus's word for having given up so.</summary>
    public const string DeliveriesSpent = "MaxDeliveryCountExceeded";
}
