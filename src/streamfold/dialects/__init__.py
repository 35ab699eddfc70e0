"""Dialects: whole frames into deltas. One file for each wire format, named after the format.

`DIALECTS` is the table of all: from the name, which is also the file's, to the class in it. Where a dialect is not
named, they are asked in this order whether they recognise the first frame.
"""

DIALECTS = {
    "openai_chat": "OpenAIChat",
    "openai_responses": "OpenAIResponses",
    "openai_completions": "OpenAICompletions",
    "mistral_conversations": "MistralConversations",
    "openai_assistants": "OpenAIAssistants",
    "openai_transcription": "OpenAITranscription",
    "openai_media": "OpenAIMedia",
    "ui_messages": "UIMessages",
    "ui_data": "UIData",
    "llama_cpp": "LlamaCpp",
    "watsonx": "Watsonx",
    "text_generation": "TextGeneration",
    "bedrock_invoke": "BedrockInvoke",
    "bedrock_agent": "BedrockAgent",
    "replicate": "Replicate",
    "writer_completions": "WriterCompletions",
    "mcp": "MCP",
    "anthropic_messages": "AnthropicMessages",
    "anthropic_complete": "AnthropicComplete",
    "bedrock_converse": "BedrockConverse",
    "bedrock_models": "BedrockModels",
    "gemini": "Gemini",
    "gemini_interactions": "GeminiInteractions",
    "ollama_chat": "OllamaChat",
    "ollama_generate": "OllamaGenerate",
    "workers_ai": "WorkersAI",
    "cohere_v2": "CohereV2",
    "cohere_v1": "CohereV1",
}

ALIASES = {
    "mistral_chat": "openai_chat",
    "writer_chat": "openai_chat",
}
"""Other names: of APIs that speak a dialect of the table, with quirks that are rules there."""
