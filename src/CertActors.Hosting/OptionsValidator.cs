using Microsoft.Extensions.Options;

namespace CertActors.Hosting;

/// <summary>Validates what all sources together have, and lists every error of all of them.</summary>
internal sealed class OptionsValidator(HoconSource hocon, IEnumerable<ConfigurationSource> sources) : IValidateOptions<CertificatesOptions>
{
    public ValidateOptionsResult Validate(string? name, CertificatesOptions options)
    {
        List<string> errors = [.. hocon.Errors, .. sources.SelectMany(source => source.ErrorsOf(options))];
        try
        {
            options.Validated();
        }
        catch (CertificateOptionsException invalid)
        {
            errors.AddRange(invalid.Errors);
        }

        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);
    }
}
