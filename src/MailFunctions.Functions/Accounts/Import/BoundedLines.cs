using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace MailFunctions.Functions.Accounts.Import;

/// <summary>Lines of a request, each of a bounded length: a longer one is skipped and comes as null.</summary>
internal static class BoundedLines
{
    public const int MaxOctets = 64 * 1024;

    /// <summary>Lines without their breaks, LF or CRLF; the last one may have none.</summary>
    public static async IAsyncEnumerable<byte[]?> ReadAsync(PipeReader input, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var skipping = false;
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken);
            var buffer = result.Buffer;
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = skipping || buffer.Slice(0, end).Length > MaxOctets ? null : Trim(buffer.Slice(0, end));
                skipping = false;
                input.AdvanceTo(buffer.GetPosition(1, end)); // before the caller has it, who may stop here
                yield return line;
                continue;
            }

            if (result.IsCompleted)
            {
                var (any, last) = (skipping || !buffer.IsEmpty, skipping || buffer.Length > MaxOctets ? null : Trim(buffer));
                input.AdvanceTo(buffer.End);
                if (any)
                {
                    yield return last;
                }

                yield break;
            }

            skipping |= buffer.Length > MaxOctets;
            input.AdvanceTo(skipping ? buffer.End : buffer.Start, buffer.End);
        }
    }

    private static byte[] Trim(ReadOnlySequence<byte> line)
    {
        var octets = line.ToArray();
        return octets is [.., (byte)'\r'] ? octets[..^1] : octets;
    }
}
