# What the engine's own parser says of the script in $env:WFO_SCRIPT, as JSON.

$tokens = $null
$errors = $null
$tree = [Management.Automation.Language.Parser]::ParseFile($env:WFO_SCRIPT, [ref]$tokens, [ref]$errors)
$nodes = @($tree.FindAll({ $true }, $true))

# What PowerShell 3 does not know. (The newer tokens are the operators ?? ??= && || ? and the like.)
$newer = @('TernaryExpressionAst', 'PipelineChainAst', 'TypeDefinitionAst', 'FunctionMemberAst', 'PropertyMemberAst',
    'UsingStatementAst', 'ConfigurationDefinitionAst', 'DynamicKeywordStatementAst', 'BaseCtorInvokeMemberExpressionAst')
$newerTokens = @('QuestionMark', 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket', 'AndAnd', 'OrOr', 'Clean')

$commands = foreach ($node in $nodes) {
    if ($node -isnot [Management.Automation.Language.CommandAst]) { continue }
    @{
        name = $node.GetCommandName()
        text = $node.Extent.Text
        parameters = @(foreach ($part in $node.CommandElements) {
            if ($part -is [Management.Automation.Language.CommandParameterAst]) { $part.ParameterName }
        })
    }
}
$types = foreach ($node in $nodes) {
    if ($node -is [Management.Automation.Language.TypeExpressionAst] -or $node -is [Management.Automation.Language.TypeConstraintAst]) { $node.TypeName.FullName }
}
$members = foreach ($node in $nodes) {
    if ($node -is [Management.Automation.Language.InvokeMemberExpressionAst]) { [string]$node.Member }
}

ConvertTo-Json -Compress -Depth 5 -InputObject @{
    errors = @(foreach ($one in $errors) { "$($one.Extent.StartLineNumber): $($one.Message)" })
    newer = @(
        foreach ($node in $nodes) { if ($newer -contains $node.GetType().Name) { $node.Extent.Text } }
        foreach ($node in $nodes) { if ($node -is [Management.Automation.Language.MemberExpressionAst] -and $node.NullConditional) { $node.Extent.Text } }
        foreach ($token in $tokens) { if ($newerTokens -contains [string]$token.Kind) { $token.Text } }
    )
    functions = @(foreach ($node in $nodes) { if ($node -is [Management.Automation.Language.FunctionDefinitionAst]) { $node.Name } })
    commands = @($commands)
    types = @($types | Sort-Object -Unique)
    members = @($members | Sort-Object -Unique)
}
