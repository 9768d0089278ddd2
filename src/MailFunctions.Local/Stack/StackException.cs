namespace MailFunctions.Local.Stack;

/// <summary>The stack can't start or go on; the message is a sentence that says what to do.</summary>
internal sealed class StackException(string message) : Exception(message);
