namespace MailFunctions.Core.Relay;

/// <summary>Counts the reports that an address gets, over all processes. Throws <see cref="Messages.StoreUnavailableException"/>.</summary>
public interface IReportAllowance
{
    /// <summary>Whether a report is among the first of its hour. Asked again for the same one, the answer is the same.</summary>
    /// <param name="address">Its recipient.</param>
    /// <param name="report">Names the report.</param>
    /// <param name="at">When it was made.</param>
    /// <param name="perHour">How many go in an hour.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    Task<bool> TakeAsync(string address, string report, DateTimeOffset at, int perHour, CancellationToken cancellationToken);
}
