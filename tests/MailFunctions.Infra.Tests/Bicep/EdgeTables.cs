namespace MailFunctions.Infra.Tests.Bicep;

/// <summary>
/// The tables that the edge touches. <see cref="Publish.PublishedEdgeTests"/> watches a real edge, so that the list is
/// neither too long nor too short.
/// </summary>
internal static class EdgeTables
{
    public static string[] Reads { get; } = ["domains", "directory"];

    public static string[] Writes { get; } = ["mailboxes", "traces", "stats"];
}
