namespace MailFunctions.Core.Accounts;

/// <summary>How long a password may be: what can be set can be sent, by every mechanism of SMTP and POP3.</summary>
public static class PasswordLimits
{
    /// <summary>Unicode characters.</summary>
    public const int MaxCharacters = 256;

    /// <summary>In UTF-8.</summary>
    public const int MaxOctets = 4 * MaxCharacters;
}
