using System.Globalization;
using System.Text;

namespace MailFunctions.Core.Accounts;

/// <summary>SASLprep (RFC 4013) for passwords and login names, without the unassigned-code-point check of stored strings.</summary>
public static class SaslPrep
{
    /// <summary>The prepared string, or null when it holds what RFC 4013 §2.3 or §2.4 forbids.</summary>
    public static string? Prepare(string text)
    {
        if (Ascii.IsValid(text))
        {
            return text.AsSpan().ContainsAnyInRange('\0', '\x1f') || text.Contains('\x7f') ? null : text;
        }

        var mapped = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune == Rune.ReplacementChar)
            {
                return null;
            }

            if (IsMappedToNothing(rune.Value))
            {
                continue; // RFC 3454 table B.1
            }

            mapped.Append(Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator ? " " : rune.ToString());
        }

        var prepared = mapped.ToString().Normalize(NormalizationForm.FormKC);
        return prepared.EnumerateRunes().Any(IsProhibited) || BreaksBidiRule(prepared) ? null : prepared;
    }

    private static bool IsMappedToNothing(int c) =>
        c is 0xAD or 0x34F or 0x1806 or 0x180B or 0x180C or 0x180D or 0x2060 or 0xFEFF
            or (>= 0x200B and <= 0x200D) or (>= 0xFE00 and <= 0xFE0F);

    // RFC 4013 §2.3: controls, private use, non-characters, surrogates, and marks that change display.
    private static bool IsProhibited(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        || rune.Value is 0x06DD or 0x070F or 0x180E or 0x0340 or 0x0341
        || rune.Value is (>= 0x200E and <= 0x200F) or (>= 0x202A and <= 0x202E) or (>= 0x206A and <= 0x206F)
        || rune.Value is (>= 0x2FF0 and <= 0x2FFB) or (>= 0xFFF9 and <= 0xFFFD) or (>= 0xFDD0 and <= 0xFDEF)
        || rune.Value is 0xE0001 or (>= 0xE0020 and <= 0xE007F)
        || (rune.Value & 0xFFFE) == 0xFFFE;

    // RFC 3454 §6: with any RandALCat character there is no LCat one, and RandALCat stands first and last.
    private static bool BreaksBidiRule(string text)
    {
        var runes = text.EnumerateRunes().ToArray();
        if (!runes.Any(IsRightToLeft))
        {
            return false;
        }

        return !IsRightToLeft(runes[0]) || !IsRightToLeft(runes[^1])
            || runes.Any(r => !IsRightToLeft(r) && Rune.IsLetter(r));
    }

    private static bool IsRightToLeft(Rune rune) =>
        rune.Value is (>= 0x05BE and <= 0x08FF) or (>= 0xFB1D and <= 0xFDFF) or (>= 0xFE70 and <= 0xFEFC)
            or (>= 0x10800 and <= 0x10FFF) or (>= 0x1E800 and <= 0x1EFFF)
        && Rune.IsLetter(rune);
}
