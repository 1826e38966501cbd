"""Vision-language models of the smallest size with random weights, saved as the hub has them."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
)

KINDS = ("llava", "idefics3", "qwen2_vl")
"""Idefics3 is what SmolVLM is built like, whose processor wants one package more."""
_WORDS = ("user: assistant: Describe the human action in this frame just one sentence. "
          "hand neck left right touches").split()
_SPECIAL = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", "<video>", "<from>", "<to>",
            "<row_1_col_1>", "<row_1_col_2>", "<row_2_col_1>", "<row_2_col_2>"]
_TALK = ("{% for message in messages %}{{ message['role'] }}: {% for part in message['content'] %}"
         "{% if part['type'] == 'image' %}IMAGE {% else %}{{ part['text'] }} {% endif %}{% endfor %}{% endfor %}"
         "{% if add_generation_prompt %}assistant: {% endif %}")
_SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
_ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3}


def make_vision_model(kind: str, folder: Path) -> Path:
    """Write the files of a model, its processor, and a chat template."""
    words = ["<unk>", "<s>", "</s>", "<pad>", *_SPECIAL, *_WORDS]
    vocabulary = {word: place for place, word in enumerate(words)}
    splitter = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    splitter.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=splitter, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>",
        additional_special_tokens=_SPECIAL, extra_special_tokens={"image_token": "<image>"})
    text = _SMALL | _ENDS | {"vocab_size": len(words)}
    vision = _SMALL | {"image_size": 28, "patch_size": 14}
    torch.manual_seed(0)
    if kind == "llava":
        pictures = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
        processor = LlavaProcessor(pictures, tokenizer, patch_size=14, vision_feature_select_strategy="default",
                                   num_additional_image_tokens=1, chat_template=_TALK.replace("IMAGE", "<image>"))
        network = LlavaForConditionalGeneration(LlavaConfig(
            vision_config=vision | {"model_type": "clip_vision_model"}, text_config=text | {"model_type": "llama"},
            image_token_index=vocabulary["<image>"], image_seq_length=4, vision_feature_layer=-1))
    elif kind == "idefics3":
        side = {"longest_edge": 28}
        pictures = Idefics3ImageProcessor(size=side, max_image_size=side, do_image_splitting=False)
        processor = Idefics3Processor(pictures, tokenizer, image_seq_len=1,
                                      chat_template=_TALK.replace("IMAGE", "<image>"))
        network = Idefics3ForConditionalGeneration(Idefics3Config(
            vision_config=vision, text_config=text | {"model_type": "llama"}, scale_factor=2,
            image_token_id=vocabulary["<image>"], pad_token_id=3))
    else:
        pictures = Qwen2VLImageProcessor(min_pixels=28 * 28, max_pixels=56 * 56, patch_size=14, merge_size=2)
        processor = Qwen2VLProcessor(pictures, tokenizer, Qwen2VLVideoProcessor(),
                                     chat_template=_TALK.replace("IMAGE", "<from> <image> <to>"))
        rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4}
        network = Qwen2VLForConditionalGeneration(Qwen2VLConfig(
            text_config=text | {"num_key_value_heads": 2, "rope_parameters": rope},
            vision_config={"depth": 1, "embed_dim": 16, "num_heads": 2, "hidden_size": 16, "patch_size": 14,
                           "mlp_ratio": 1},
            image_token_id=vocabulary["<image>"], vision_start_token_id=vocabulary["<from>"],
            vision_end_token_id=vocabulary["<to>"], video_token_id=vocabulary["<video>"]))
    processor.save_pretrained(folder)
    network.save_pretrained(folder)
    return folder
