namespace MailFunctions.Local.Admin;

/// <summary>Why a command was not done, in a sentence that begins with what is wrong.</summary>
internal sealed class AdminException(string message) : Exception(message);
