using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace MailFunctions.Azure.Storage;

/// <summary>Reads of rows by their keys.</summary>
internal static class TableReads
{
    /// <summary>
    /// Null when the row is not there. A table that is not there is a fault: an address is never unknown because the
    /// directory is missing.
    /// </summary>
    /// <param name="columns">Null: all.</param>
    public static async Task<TableEntity?> FindRowAsync(
        this TableClient table, string partition, string row, CancellationToken cancellationToken, IEnumerable<string>? columns = null)
    {
        var answer = await table.GetEntityIfExistsAsync<TableEntity>(partition, row, columns, cancellationToken);
        if (answer.HasValue)
        {
            return answer.Value;
        }

        var fault = new RequestFailedException(answer.GetRawResponse());
        return fault.ErrorCode == TableErrorCode.TableNotFound ? throw fault : null;
    }
}
