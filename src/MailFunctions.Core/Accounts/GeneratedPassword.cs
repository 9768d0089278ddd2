using System.Buffers;
using System.Security.Cryptography;

namespace MailFunctions.Core.Accounts;

/// <summary>
/// App passwords: random, so that one round of the verifier is as good as 600,000 of a human's. They begin with the app
/// password's id, which says which verifier is meant.
/// </summary>
public static class GeneratedPassword
{
    /// <summary>Of the secret behind the id: 26 letters of 32, 130 bits.</summary>
    public const int SecretLength = 26;

    public const int IdLength = 6;

    /// <summary>Those made before had no id in front, and 100 bits.</summary>
    public const int OldLength = 20;

    // Without letters that look alike.
    private const string Letters = "abcdefghijkmnpqrstuvwxyz23456789";

    private static readonly SearchValues<char> AnyLetter = SearchValues.Create(Letters);

    /// <summary>A new one, its id unlike all of <paramref name="taken"/>.</summary>
    public static (string Id, string Password, ScramVerifier Verifier) Create(IReadOnlyCollection<string> taken)
    {
        string id;
        do
        {
            id = RandomNumberGenerator.GetString(Letters, IdLength);
        }
        while (taken.Contains(id));

        var password = id + RandomNumberGenerator.GetString(Letters, SecretLength);
        // RFC 7677 §4 asks for 4096 rounds of what a SCRAM exchange uses: these log in by PLAIN, LOGIN and USER/PASS only.
        return (id, password, ScramVerifier.Create(password, iterations: 1));
    }

    /// <summary>The id that a password begins with; null: it has not the form of an app password.</summary>
    public static string? IdOf(string preparedPassword) =>
        preparedPassword.Length == IdLength + SecretLength && IsOfLetters(preparedPassword) ? preparedPassword[..IdLength] : null;

    /// <summary>Whether it may be an app password from before, whose verifier is as dear as a human's.</summary>
    public static bool HasOldForm(string preparedPassword) => preparedPassword.Length == OldLength && IsOfLetters(preparedPassword);

    /// <summary>Whether this verifier is of <see cref="Create"/>: it costs microseconds.</summary>
    public static bool IsCheap(ScramVerifier verifier) => verifier.Iterations == 1;

    private static bool IsOfLetters(string text) => !text.AsSpan().ContainsAnyExcept(AnyLetter);
}
